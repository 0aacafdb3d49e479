using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.XenStore;

/// <summary>A running guest as Debian's xenstore tools see it.</summary>
[TestFixture]
public sealed class StoreToolGuestTests
{
    [Test]
    public async Task A_guest_is_seen_and_told_and_its_end_is_announced()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        var socket = Path.Combine(host.Folder, "xenstored.socket");
        string Output(string tool, params string[] words) => XenStoreTools.Output(tool, socket, words);

        await host.XlOutputAsync("create", "-q", host.WriteSample("told"));
        var domain = (await host.FindAsync("told")).Id;
        var home = $"/local/domain/{domain}";
        Assert.That(Output("read", $"{home}/name"), Is.EqualTo("told\n"));
        Assert.That(Output("list", "/local/domain").Split('\n'), Does.Contain("0").And.Contain($"{domain}"));
        Assert.That(Output("ls", "-f", "-p", $"{home}/control"), Does.Match($"{home}/control/shutdown = \"\" [ .]*\\(n{domain}\\)"));

        await using var watch = Session.Start(XenStoreTools.Tool("watch", socket, ["-n", "2", "@releaseDomain"]));
        await watch.ExpectAsync("@releaseDomain\n");
        Output("write", $"{home}/control/shutdown", "poweroff");
        await watch.ExpectAsync("@releaseDomain\n");
        await PvHost.UntilAsync(async () => (await host.ListAsync()).All(found => found.Id != domain));
        Assert.That(XenStoreTools.Run("exists", socket, [home]).ExitCode, Is.EqualTo(1));
    }
}
