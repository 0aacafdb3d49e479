using System.Text.RegularExpressions;
using NUnit.Framework;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.Channels;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Channels;

/// <summary>What the toolstack says of channels in xenstore, and which it refuses.</summary>
[TestFixture]
public sealed class ChannelNodesTests
{
    [Test]
    public async Task Nodes_are_libxls()
    {
        await using var machine = new ChannelMachine();
        await machine.StartAsync("\"connection=pty,name=first\", \"name=second, connection=socket, path=s\"", _ => Task.CompletedTask);
        var (domain, store) = (machine.Domain.Value, machine.Machine.Store);
        var lines = new List<string>();
        foreach (var folder in new[] { $"/local/domain/{domain}/device/console", $"/local/domain/0/backend/console/{domain}", $"/libxl/{domain}/device/console" })
            await DescribeAsync(folder);
        // Where it is the domain's number, and not a channel's.
        var number = $@"(?<=/local/domain/|/libxl/|/backend/console/|\(n|,r|frontend-id = ""){domain}\b";
        Assert.That(lines.Select(line => Regex.Replace(line, number, "D").Replace(machine.Machine.Folder, "/F", StringComparison.Ordinal)
            // The back end may have begun already.
            .Replace("state = \"2\"", "state = \"1\"", StringComparison.Ordinal)), Is.EqualTo(Expected));

        async Task DescribeAsync(string path)
        {
            foreach (var name in (await store.ListAsync(path) ?? []).Order(StringComparer.Ordinal))
            {
                var node = $"{path}/{name}";
                var permissions = path.StartsWith("/libxl", StringComparison.Ordinal) ? "" : $" ({string.Join(',', (await store.GetPermissionsAsync(node)).Select(Letters))})";
                lines.Add($"{node} = \"{await store.ReadAsync(node)}\"{permissions}");
                await DescribeAsync(node);
            }
        }
    }

    [TestCase("connection=pty", 6, "channel 0 has no name")]
    [TestCase("connection=pty,name=a,backend=other", 3, "Channel a: backend=other is not built yet in this version of Pv: every back end is Dom0's.")]
    public void A_channel_that_cannot_be_served_is_refused(string channel, int code, string sentence)
    {
        var refused = Assert.Throws<ToolstackException>(() => Plan(channel));
        Assert.That((refused!.ExitCode, refused.Message), Is.EqualTo((code, sentence)));
    }

    [Test]
    public void A_socket_has_its_path_alone_and_one_that_fits()
    {
        Assert.That(() => Plan("connection=socket,name=a,path=x", "connection=socket,name=b,path=./x"), Throws.TypeOf<ToolstackException>().With.Message.Contains("Two channels have the socket /nowhere/x"));
        Assert.That(() => Plan($"connection=socket,name=a,path={new string('x', 100)}"), Throws.TypeOf<ToolstackException>().With.Message.Contains("107 bytes at most"));
        Assert.That(Plan("connection=socket,name=a,path=x").Single().Path, Is.EqualTo("/nowhere/x"));
    }

    private static IReadOnlyList<ChannelPlan> Plan(params string[] channels)
        => ChannelPlan.OfAll(DomainConfigurationParser.Parse("t.cfg", $"name=\"t\"\nkernel=\"k\"\nchannel=[{string.Join(',', channels.Select(channel => $"'{channel}'"))}]\n").Configuration!.Channels, "/nowhere");

    private static string Letters(XenStorePermission permission)
        => $"{permission.Access switch { XenStoreAccess.None => 'n', XenStoreAccess.Read => 'r', XenStoreAccess.Write => 'w', _ => 'b' }}{permission.Domain.Value}";

    private static readonly string[] Expected =
    [
        "/local/domain/D/device/console/1 = \"\" (nD,r0)",
        "/local/domain/D/device/console/1/backend = \"/local/domain/0/backend/console/D/1\" (nD,r0)",
        "/local/domain/D/device/console/1/backend-id = \"0\" (nD,r0)",
        "/local/domain/D/device/console/1/limit = \"1048576\" (n0,rD)",
        "/local/domain/D/device/console/1/name = \"first\" (n0,rD)",
        "/local/domain/D/device/console/1/output = \"pty\" (n0,rD)",
        "/local/domain/D/device/console/1/protocol = \"vt100\" (nD,r0)",
        "/local/domain/D/device/console/1/state = \"1\" (nD,r0)",
        "/local/domain/D/device/console/1/tty = \"\" (n0,rD)",
        "/local/domain/D/device/console/1/type = \"ioemu\" (n0,rD)",
        "/local/domain/D/device/console/2 = \"\" (nD,r0)",
        "/local/domain/D/device/console/2/backend = \"/local/domain/0/backend/console/D/2\" (nD,r0)",
        "/local/domain/D/device/console/2/backend-id = \"0\" (nD,r0)",
        "/local/domain/D/device/console/2/limit = \"1048576\" (n0,rD)",
        "/local/domain/D/device/console/2/name = \"second\" (n0,rD)",
        "/local/domain/D/device/console/2/output = \"chardev:libxl-channel1\" (n0,rD)",
        "/local/domain/D/device/console/2/protocol = \"vt100\" (nD,r0)",
        "/local/domain/D/device/console/2/state = \"1\" (nD,r0)",
        "/local/domain/D/device/console/2/tty = \"\" (n0,rD)",
        "/local/domain/D/device/console/2/type = \"ioemu\" (n0,rD)",
        "/local/domain/0/backend/console/D/1 = \"\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/connection = \"pty\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/frontend = \"/local/domain/D/device/console/1\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/frontend-id = \"D\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/name = \"first\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/online = \"1\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/protocol = \"vt100\" (n0,rD)",
        "/local/domain/0/backend/console/D/1/state = \"1\" (n0,rD)",
        "/local/domain/0/backend/console/D/2 = \"\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/connection = \"socket\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/frontend = \"/local/domain/D/device/console/2\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/frontend-id = \"D\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/name = \"second\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/online = \"1\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/path = \"/F/s\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/protocol = \"vt100\" (n0,rD)",
        "/local/domain/0/backend/console/D/2/state = \"1\" (n0,rD)",
        "/libxl/D/device/console/1 = \"\"",
        "/libxl/D/device/console/1/backend = \"/local/domain/0/backend/console/D/1\"",
        "/libxl/D/device/console/1/connection = \"pty\"",
        "/libxl/D/device/console/1/frontend = \"/local/domain/D/device/console/1\"",
        "/libxl/D/device/console/1/frontend-id = \"D\"",
        "/libxl/D/device/console/1/name = \"first\"",
        "/libxl/D/device/console/1/online = \"1\"",
        "/libxl/D/device/console/1/protocol = \"vt100\"",
        "/libxl/D/device/console/1/state = \"1\"",
        "/libxl/D/device/console/2 = \"\"",
        "/libxl/D/device/console/2/backend = \"/local/domain/0/backend/console/D/2\"",
        "/libxl/D/device/console/2/connection = \"socket\"",
        "/libxl/D/device/console/2/frontend = \"/local/domain/D/device/console/2\"",
        "/libxl/D/device/console/2/frontend-id = \"D\"",
        "/libxl/D/device/console/2/name = \"second\"",
        "/libxl/D/device/console/2/online = \"1\"",
        "/libxl/D/device/console/2/path = \"/F/s\"",
        "/libxl/D/device/console/2/protocol = \"vt100\"",
        "/libxl/D/device/console/2/state = \"1\"",
    ];
}
