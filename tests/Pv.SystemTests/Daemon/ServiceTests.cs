using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.Daemon;

/// <summary><c>pvd</c> as a service: readiness, crashes, two hosts side by side, versions that differ.</summary>
[TestFixture]
[SupportedOSPlatform("linux")]
public sealed class ServiceTests
{
    private const string Sentence = "stop that pvd (its domains end with it), or use the xl that came with it";

    [Test]
    public async Task A_service_manager_hears_when_it_is_ready_and_when_it_stops()
    {
        await using var host = PvHost.Prepare();
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var path = Path.Combine(host.Folder, "notify");
        manager.Bind(new UnixDomainSocketEndPoint(path));
        manager.ReceiveTimeout = 60_000;
        host.Variables["NOTIFY_SOCKET"] = path;
        await host.StartDaemonAsync("--memory=128");
        var notice = new byte[100];
        Assert.That(Encoding.ASCII.GetString(notice, 0, manager.Receive(notice)), Is.EqualTo("READY=1"));
        Assert.That(await host.StopAsync(), Is.Zero);
        Assert.That(Encoding.ASCII.GetString(notice, 0, manager.Receive(notice)), Is.EqualTo("STOPPING=1"));
    }

    [Test]
    public async Task A_crash_ends_those_at_work_with_a_sentence_and_leaves_what_one_looks_into()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        await using var console = host.OpenXl("create", "-c", host.WriteSample("guest"));
        await console.AskAsync("echo last words", "\nlast words");
        await using var wait = host.OpenXl("wait", "guest", "destroyed");
        await PvHost.UntilAsync(() => Task.FromResult(Processes.TakesSignals(wait.ProcessId)));
        await host.Daemon.DisposeAsync();
        Assert.That((await console.ExitAsync(), await wait.ExitAsync()), Is.EqualTo((1, 1)));
        Assert.That(console.Shown, Does.Contain("xl: pvd ended before the command did"));

        host.Variables["PV_START"] = "no";
        var none = await host.XlAsync("list");
        Assert.That((none.ExitCode, none.Errors), Is.EqualTo((1, $"xl: No pvd serves {host.Folder}, and PV_START=no says not to start one.\n")));
        await host.StartDaemonAsync("--memory=128");
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
        Assert.That(host.Read("before/1/console.log"), Does.Contain("last words"));
        await host.XlOutputAsync("create", "-q", host.WriteSample("guest"));
        Assert.That((await host.FindAsync("guest")).Id, Is.EqualTo(1));
    }

    [Test]
    public async Task Two_hosts_do_not_meet()
    {
        await using var one = await PvHost.StartAsync(memory: 128);
        await using var other = await PvHost.StartAsync(memory: 128);
        await one.XlOutputAsync("create", "-q", one.WriteSample("guest"));
        Assert.That(await other.ListAsync(), Has.Count.EqualTo(1));
        await other.XlOutputAsync("create", "-q", other.WriteSample("guest"));
        await one.XlOutputAsync("destroy", "guest");
        Assert.That((await one.ListAsync()).Count, Is.EqualTo(1));
        Assert.That((await other.FindAsync("guest")).Id, Is.EqualTo(1));
    }

    [Test]
    public async Task A_directory_of_another_user_is_refused()
    {
        if (Environment.UserName != "root")
            Assert.Ignore("Only root can give a directory away.");
        await using var host = PvHost.Prepare();
        Command.Run("chown", ["65534", host.Folder], Path.GetTempPath());
        var xl = await host.XlAsync("list");
        Assert.That((xl.ExitCode, xl.Errors), Is.EqualTo((1, $"xl: The run directory {host.Folder} belongs to user 65534, not to you (0).\n")));
        await using var daemon = host.RunDaemon();
        await daemon.ExpectAsync("belongs to user 65534");
        Assert.That(await daemon.ExitAsync(), Is.EqualTo(1));
    }

    /// <summary>A frame of kind 1 (hello): the magic, a version, a program's name.</summary>
    private static byte[] Hello(ushort version, string program)
    {
        var name = Encoding.UTF8.GetBytes(program);
        return [.. BitConverter.GetBytes(8 + 2 + 4 + name.Length), 1, 0, 0, 0, .. "pv-ctl\r\n"u8, .. BitConverter.GetBytes(version), .. BitConverter.GetBytes(name.Length), .. name];
    }

    [Test]
    public async Task An_xl_says_that_the_pvd_is_another()
    {
        await using var host = PvHost.Prepare();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(host.Folder, "control.socket")));
        listener.Listen();
        var xl = host.XlAsync("list");
        using (var connection = await listener.AcceptAsync())
        {
            await connection.SendAsync(Hello(7, "pvd (Pv) 9.9"));
            var done = await xl;
            Assert.That((done.ExitCode, done.Output), Is.EqualTo((1, "")));
            Assert.That(done.Errors, Does.Contain("pvd (Pv) 9.9 version 7").And.Contain(Sentence));
        }
    }

    [Test]
    public async Task A_pvd_says_that_the_xl_is_another()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(host.Folder, "control.socket")));
        await connection.SendAsync(Hello(7, "xl (Pv) 9.9"));
        using var stream = new NetworkStream(connection);
        using var reader = new StreamReader(stream);
        Assert.That(await reader.ReadToEndAsync(), Does.Contain("xl (Pv) 9.9 speaks version 7").And.Contain(Sentence));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1), "others are served");
    }

    [Test]
    public void The_unit_is_one_to_systemd()
    {
        if (!File.Exists("/usr/bin/systemd-analyze"))
            Assert.Ignore("There is no systemd-analyze.");
        var folder = Directory.CreateTempSubdirectory("pv-unit-");
        // Its programs are where the user has them; here they are any.
        var text = File.ReadAllText(Path.Combine(Repository.Root, "dom0", "pvd.service")).Replace("%h/.local/bin/pvd", "/bin/true").Replace("%h/.local/bin/xl", "/bin/true");
        File.WriteAllText(Path.Combine(folder.FullName, "pvd.service"), text);
        var done = Command.Run("env", [$"XDG_RUNTIME_DIR={folder.FullName}", "systemd-analyze", "verify", "--user", "--man=no", Path.Combine(folder.FullName, "pvd.service")], folder.FullName);
        folder.Delete(recursive: true);
        Assert.That((done.ExitCode, done.Errors), Is.EqualTo((0, "")));
    }
}
