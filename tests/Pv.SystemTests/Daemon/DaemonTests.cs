using System.Net.Sockets;
using System.Runtime.Versioning;
using NUnit.Framework;
using Pv.SystemTests.Hosts;

namespace Pv.SystemTests.Daemon;

/// <summary><c>pvd</c> as a process: how it starts, how it refuses, how it ends.</summary>
[TestFixture]
[SupportedOSPlatform("linux")]
public sealed class DaemonTests
{
    private const string Socket = "control.socket";

    [Test]
    public async Task A_signal_ends_it_with_its_domains()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        await using var console = host.OpenXl("create", "-c", host.WriteSample("guest"));
        await console.ExpectAsync("pv> ");
        Assert.That(await host.StopAsync(), Is.Zero, host.Daemon.Shown);
        await console.ExitAsync();
        Assert.That(File.Exists(Path.Combine(host.Folder, Socket)), Is.False);
        Assert.That(host.Daemon.Shown, Does.Not.Contain("Unhandled"));
    }

    [Test]
    public async Task There_is_one_on_a_run_directory()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        await using var second = host.RunDaemon("--memory=128");
        await second.ExpectAsync($"Another pvd serves {host.Folder}");
        Assert.That(await second.ExitAsync(), Is.EqualTo(1));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task One_that_was_killed_leaves_nothing_in_the_way()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        await host.XlOutputAsync("create", "-q", host.WriteSample("guest"));
        await host.Daemon.DisposeAsync();
        Assert.That(File.Exists(Path.Combine(host.Folder, Socket)), Is.True, "a dead one's socket");
        await host.StartDaemonAsync("--memory=128");
        Assert.That((await host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));
    }

    [Test]
    public async Task One_that_is_leaving_is_waited_for_by_the_next()
    {
        await using var host = PvHost.Prepare();
        for (var round = 0; round < 3; round++)
        {
            // Its domain takes a moment to end, and xl comes in that moment.
            await host.XlOutputAsync("create", "-q", host.WriteSample("guest"));
            PvHost.SendTerminate(int.Parse(host.Read("pvd.pid")));
            Assert.That((await host.ListAsync()).Select(domain => domain.Name), Is.EqualTo(new[] { "Domain-0" }));
        }
    }

    [Test]
    public async Task A_stale_socket_is_replaced()
    {
        await using var host = PvHost.Prepare();
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            dead.Bind(new UnixDomainSocketEndPoint(Path.Combine(host.Folder, Socket)));
        await host.StartDaemonAsync("--memory=128");
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_run_directory_that_others_may_enter_is_refused()
    {
        await using var host = PvHost.Prepare();
        File.SetUnixFileMode(host.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        await using var daemon = host.RunDaemon();
        await daemon.ExpectAsync("Give it mode 0700");
        Assert.That(await daemon.ExitAsync(), Is.EqualTo(1));
        var xl = await host.XlAsync("list");
        Assert.That(xl.ExitCode, Is.EqualTo(1));
        Assert.That(xl.Errors, Does.Contain("Give it mode 0700"));
    }

    [Test]
    public async Task Words_that_it_does_not_know_are_refused()
    {
        await using var host = PvHost.Prepare();
        await using var daemon = host.RunDaemon("--memory=much");
        await daemon.ExpectAsync("'much' is no size of memory");
        Assert.That(await daemon.ExitAsync(), Is.EqualTo(2));
    }

    [Test]
    public async Task Xl_starts_it_and_many_at_once_start_one()
    {
        await using var host = PvHost.Prepare();
        var lists = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => host.XlOutputAsync("list")));
        Assert.That(lists, Has.All.Contain("Domain-0"));
        await host.XlOutputAsync("create", "-q", host.WriteSample("guest"));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(2));
    }
}
