using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest.Live;

/// <summary>C# guests on the real hypervisor.</summary>
[TestFixture]
public sealed class LiveGuestTests
{
    private static readonly string Samples = typeof(SampleGuests.Shell).Assembly.Location;

    [Test]
    public async Task The_shell_answers_on_its_console_and_powers_off()
    {
        await using var machine = new LiveMachine();
        var guest = await machine.StartAsync(GuestAssembly.Load(Samples).Choose("guest=Shell"));
        await guest.ExpectAsync("pv> ");
        Assert.That(await guest.SayAsync("help"), Does.Contain("uptime").And.Contain("ping"));
        Assert.That(await guest.SayAsync("mem"), Does.Contain("64 frames").And.Contain("the hypervisor counts 64"));
        Assert.That(await guest.SayAsync("time"), Does.Match(@"20\d\d-\d\d-\d\d .* UTC, system time"));
        Assert.That(await guest.SayAsync("version"), Does.Match(@"Xen \d+\.\d+"));
        Assert.That(await guest.SayAsync("echo one  two"), Does.Contain("one two\r\n"));
        Assert.That(await guest.SayAsync("xs write data/x some words"), Does.Not.Contain("refused"));
        Assert.That(await guest.SayAsync("xs read data/x"), Does.Contain("some words\r\n"));
        Assert.That(await guest.SayAsync("xs ls"), Does.Contain("data").And.Contain("control"));
        Assert.That(await guest.SayAsync("xs write /tool/x 1"), Does.Contain("EACCES"));
        Assert.That(await guest.SayAsync("sleep 0.01"), Does.EndWith("pv> "));
        Assert.That(await guest.SayAsync("spin 0.01"), Does.Contain("rounds"));
        Assert.That(await guest.SayAsync("nonsense"), Does.Contain("no such command"));
        await guest.TypeAsync("shutdown\r");
        Assert.That(await guest.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff));
        await guest.DestroyAsync();
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task Two_shells_ping_each_other(int pcpus)
    {
        await using var machine = new LiveMachine(pcpus);
        var shell = GuestAssembly.Load(Samples).Choose("guest=Shell");
        var first = await machine.StartAsync(shell);
        var second = await machine.StartAsync(shell);
        await first.ExpectAsync("pv> ");
        await second.ExpectAsync("pv> ");
        // A shell's partner opens its node beside the prompt.
        foreach (var guest in new[] { first, second })
        {
            await using var opened = await machine.Store.WatchAsync($"/local/domain/{guest.Domain.Value}/data/ping");
            await foreach (var path in opened.Events)
            {
                if (await machine.Store.GetPermissionsOrNoneAsync(path) is [{ Access: XenStoreAccess.ReadWrite }])
                    break;
            }
        }
        Assert.That(await first.SayAsync($"ping {second.Domain.Value} 500"), Does.Contain($"500 round trips to domain {second.Domain.Value}"));
        Assert.That(await second.SayAsync($"ping {first.Domain.Value} 500"), Does.Contain("500 round trips"));
        Assert.That(await first.SayAsync($"ping {first.Domain.Value} 5"), Does.Contain("5 round trips"), "a loop to itself");
        Assert.That(await first.SayAsync("ping 77"), Does.Contain("no shell that answers"));
    }

    [Test]
    public async Task An_exception_crashes_its_domain_alone_and_the_log_has_the_reason()
    {
        await using var machine = new LiveMachine();
        var shell = GuestAssembly.Load(Samples).Choose("guest=Shell");
        var victim = await machine.StartAsync(shell);
        var witness = await machine.StartAsync(shell);
        await witness.ExpectAsync("pv> ");
        await victim.ExpectAsync("pv> ");
        await victim.TypeAsync("crash on demand\r");
        await victim.ExpectAsync("The kernel crashed: InvalidOperationException: on demand");
        Assert.That(await victim.EndAsync(), Is.EqualTo(ShutdownReason.Crash));
        Assert.That(machine.Core.Log.Read(clear: false), Does.Contain("the kernel threw InvalidOperationException: on demand").And.Contain("ShellCommands"));
        Assert.That(await witness.SayAsync("echo still here"), Does.Contain("still here"));
    }

    [Test]
    public async Task A_continuation_from_another_thread_crashes_the_domain()
    {
        await using var machine = new LiveMachine();
        var guest = await machine.StartAsync(GuestAssembly.Load(Samples).Choose("guest=Shell"));
        await guest.ExpectAsync("pv> ");
        await guest.TypeAsync("stray\r");
        Assert.That(await guest.EndAsync(), Is.EqualTo(ShutdownReason.Crash));
        Assert.That(machine.Core.Log.Read(clear: false), Does.Contain("StrayAsync").And.Contain("does not run this guest's turns"));
    }

    [Test]
    public async Task Grants_are_mapped_and_copied_between_guests()
    {
        await using var machine = new LiveMachine();
        var seen = new List<string>();
        var owner = await machine.StartAsync(async guest =>
        {
            var peer = new DomId(ushort.Parse(await guest.Console.ReadLineAsync() ?? ""));
            var frame = guest.Memory.Allocate();
            guest.Memory.Page(frame).CopyFrom(100, "from the owner"u8);
            var grant = guest.Grants.Grant(peer, frame);
            await guest.Console.WriteLineAsync($"grant {grant.Value}.");
            await guest.Console.ReadLineAsync();
            seen.Add(guest.Grants.TryEnd(grant) ? "ended while mapped" : "still mapped");
            await guest.Console.WriteLineAsync("looked");
            await guest.Console.ReadLineAsync();
            seen.Add(guest.Grants.TryEnd(grant) ? "ended" : "leaked");
            var bytes = new byte[5];
            guest.Memory.Page(frame).CopyTo(0, bytes);
            seen.Add(System.Text.Encoding.ASCII.GetString(bytes));
        });
        var user = await machine.StartAsync(async guest =>
        {
            var grant = new GrantRef(uint.Parse(await guest.Console.ReadLineAsync() ?? ""));
            var mapping = guest.Grants.Map(owner.Domain, grant);
            var bytes = new byte[14];
            mapping.Page.CopyTo(100, bytes);
            seen.Add(System.Text.Encoding.ASCII.GetString(bytes));
            mapping.Page.CopyFrom(0, "reply"u8);
            await guest.Console.WriteLineAsync("mapped");
            await guest.Console.ReadLineAsync();
            mapping.Dispose();
            var copy = new GrantTableCopy { Length = 14, Flags = GrantCopyFlags.SourceGrantRef };
            var local = guest.Memory.Allocate();
            (copy.Source.Ref, copy.Source.Domain, copy.Source.Offset) = (grant, owner.Domain, 100);
            (copy.Destination.Gmfn, copy.Destination.Domain) = (local.Value, DomId.Self);
            var rows = new[] { copy };
            guest.Grants.Copy(rows);
            guest.Memory.Page(local).CopyTo(0, bytes);
            seen.Add($"{rows[0].Status} {System.Text.Encoding.ASCII.GetString(bytes)}");
            foreach (var absent in new uint[] { 300, 1_000_000 })
            {
                try
                {
                    guest.Grants.Map(owner.Domain, new GrantRef(absent));
                }
                catch (GrantException refusal)
                {
                    seen.Add($"{refusal.Status}");
                }
            }
            await guest.Console.WriteLineAsync("unmapped");
        });
        await owner.TypeAsync($"{user.Domain.Value}\r");
        var granted = await owner.ExpectAsync(".");
        await user.TypeAsync($"{granted[(granted.LastIndexOf(' ') + 1)..^1]}\r");
        await user.ExpectAsync("mapped");
        await owner.TypeAsync("\r");
        await owner.ExpectAsync("looked");
        await user.TypeAsync("\r");
        await user.ExpectAsync("unmapped");
        Assert.That(await user.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff));
        await owner.TypeAsync("\r");
        Assert.That(await owner.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff));
        Assert.That(seen, Is.EqualTo(new[]
        {
            "from the owner", "still mapped", "Okay from the owner", "GeneralError", "BadGrantRef", "ended", "reply",
        }));
    }

    [Test]
    public async Task Destroyed_guests_give_every_frame_back()
    {
        await using var machine = new LiveMachine();
        var free = machine.Core.FreeFrames;
        var shell = GuestAssembly.Load(Samples).Choose("guest=Shell");
        var guests = new List<LiveGuest>();
        for (var i = 0; i < 20; i++)
            guests.Add(await machine.StartAsync(shell, "", pages: 32));
        foreach (var guest in guests)
            await guest.ExpectAsync("pv> ");
        foreach (var guest in guests)
            Assert.That(await guest.SayAsync("mem"), Does.Contain("32 frames"));
        foreach (var guest in guests)
            await guest.DestroyAsync();
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(free));
    }
}
