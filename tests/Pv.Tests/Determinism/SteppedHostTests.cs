using NUnit.Framework;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Dom0.Seeds;
using Pv.Hypervisor;
using Pv.Hypervisor.Hypercalls;
using Pv.Tests.MachineGuests;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Runs;
using Pv.Toolstack.Seeds;

namespace Pv.Tests.Determinism;

/// <summary>Real guests in deterministic mode, with xenstored and consoles: the same seed is the same trace, byte for byte.</summary>
[TestFixture]
internal sealed class SteppedHostTests
{
    private const ulong TenSeconds = 10_000_000_000;

    private static readonly SeedMachines Machines = new();
    private string _folder = "";

    [OneTimeSetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("pv-seeds-").FullName;

    [OneTimeTearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_csharp_guest_with_store_and_console_does_the_same_again()
    {
        var guest = await SampleAsync("guest=Hello", "-x", "Who are you? ", "-s", "Pv", "-x", "Hello, Pv.");
        var first = Machines.Run([guest], 5, TenSeconds);
        Assert.That((first.Failure, first.Consoles[0]), Is.EqualTo(((string?)null, "I am domain 1, 16 MiB.\r\nWho are you? Pv\r\nHello, Pv.\r\n")));
        Assert.That(first.Calls, Is.GreaterThan(5));
        var again = Machines.Run([guest], 5, TenSeconds);
        Assert.That((again.Trace, again.Interleaving), Is.EqualTo((first.Trace, first.Interleaving)));
    }

    [Test]
    public async Task An_expectation_that_is_not_met_fails_the_seed()
    {
        var outcome = Machines.Run([await SampleAsync("guest=Hello", "-x", "Who are you? ", "-s", "Pv", "-x", "Good bye")], 1, TenSeconds);
        Assert.That(outcome.Failure, Is.EqualTo("sample did not show \"Good bye\" before it ended"));
        outcome = Machines.Run([await SampleAsync("guest=Hello", "-x", "nothing of the kind")], 1, TenSeconds);
        Assert.That(outcome.Failure, Is.EqualTo("sample did not show \"nothing of the kind\" in the time that it had"));
    }

    [Test]
    public async Task Every_kind_of_machine_code_guest_does_the_same_again()
    {
        foreach (var guest in MachineGuestCatalog.All.Where((_, i) => i % 9 == 0).Concat(MachineGuestCatalog.All.Where(guest => guest.Vcpus > 1).Take(4)))
            await DoesTheSameAsync(guest);
    }

    [Test]
    public async Task Guests_run_together_and_many_seeds_are_many_interleavings()
    {
        SeedGuest[] guests = [await SampleAsync("guest=Hello", "-x", "Who are you? ", "-s", "Pv", "-x", "Hello, Pv."), await MachineAsync(MachineGuestCatalog.All[0], 1)];
        var outcomes = Enumerable.Range(1, 12).Select(seed => Machines.Run(guests, (ulong)seed, TenSeconds)).ToArray();
        Assert.That(outcomes.Select(outcome => outcome.Failure), Is.All.Null);
        Assert.That(outcomes.Select(outcome => outcome.Interleaving), Is.Unique);
        Assert.That(outcomes[0].Trace, Does.Contain(" d1v0 ").And.Contain(" d2v0 "));
    }

    [Test]
    public async Task An_account_that_goes_wrong_in_some_interleavings_fails_those_seeds_and_they_replay()
    {
        var broken = new SeedMachines { Alter = HoldWithoutALock };
        SeedGuest[] guests = [await SampleAsync("guest=Hello", "-x", "Who are you? ", "-s", "Pv", "-x", "Hello, Pv."), await MachineAsync(MachineGuestCatalog.All[0], 1)];
        var outcomes = Enumerable.Range(1, 24).Select(seed => broken.Run(guests, (ulong)seed, TenSeconds)).ToArray();

        var failed = outcomes.Where(outcome => outcome.Failure is not null).ToArray();
        Assert.That(failed, Is.Not.Empty, "the guests' calls meet");
        Assert.That(failed.Length, Is.LessThan(outcomes.Length), "and not under every seed");
        Assert.That(failed.Select(outcome => outcome.Failure), Is.All.StartsWith("the accounts were wrong before the guests were destroyed: ").And.All.Contains("references, and "));
        var again = broken.Run(guests, failed[0].Seed, TenSeconds);
        Assert.That((again.Failure, again.Trace, again.Interleaving), Is.EqualTo((failed[0].Failure, failed[0].Trace, failed[0].Interleaving)));
        Assert.That(Machines.Run(guests, failed[0].Seed, TenSeconds).Failure, Is.Null, "a core that is not broken does nothing wrong there");
    }

    /// <summary>Calls that hold a frame while they last, and find out without a lock whether another one holds it already.</summary>
    private static void HoldWithoutALock(HypervisorCore core)
    {
        var isHeld = false;
        var frame = core.Frames.List(core.Domains.Find(DomId.Dom0)!).First();
        foreach (var number in (HypercallNumber[])[HypercallNumber.EventChannelOp, HypercallNumber.SchedOp, HypercallNumber.XenVersion, HypercallNumber.ConsoleIo, HypercallNumber.MemoryOp])
        {
            HypercallHandler original = core.Hypercalls.Replace(number, null)!;
            core.Hypercalls.Replace(number, Held);

            HypercallResult Held(ref HypercallContext call)
            {
                if (call.Caller.Id == DomId.Dom0)
                    return original(ref call);
                Hold();
                var result = original(ref call);
                if (isHeld)
                {
                    isHeld = false;
                    core.Frames.Put(frame);
                }
                return result;
            }
        }

        void Hold()
        {
            if (isHeld)
                return;
            core.Stepper!.Point();
            core.Frames.GetAnother(frame);
            isHeld = true;
        }
    }

    [Test]
    public void Files_of_the_host_are_refused()
    {
        var refused = Assert.ThrowsAsync<ToolstackException>(async () => await SampleAsync("", "disk"));
        Assert.That(refused!.Message, Is.EqualTo("Domain sample has disks, which are files of the host: in deterministic mode there are none."));
    }

    private async Task DoesTheSameAsync(MachineGuest guest)
    {
        var seeded = await MachineAsync(guest, 0);
        var first = Machines.Run([seeded], 3, TenSeconds);
        var again = Machines.Run([seeded], 3, TenSeconds);
        Assert.That((again.Trace, again.Interleaving, again.Nanoseconds, again.Failure), Is.EqualTo((first.Trace, first.Interleaving, first.Nanoseconds, first.Failure)), guest.Name);
        Assert.That(first.Calls, Is.Not.Zero, guest.Name);
    }

    private Task<SeedGuest> MachineAsync(MachineGuest guest, int number)
    {
        var kernel = Path.Combine(_folder, guest.Name + ".elf");
        File.WriteAllBytes(kernel, guest.BuildImage());
        return PlanAsync($"name = \"{guest.Name}\"\nkernel = \"{kernel}\"\nmemory = 16\nvcpus = {guest.Vcpus}\nmax_event_channels = {guest.MaxEventPort}\n", number, []);
    }

    private Task<SeedGuest> SampleAsync(string commandLine, params string[] script)
    {
        var more = script is ["disk"] ? "disk = ['/dev/null,raw,xvda,r']\n" : "";
        return PlanAsync($"name = \"sample\"\nkernel = \"{typeof(SampleGuests.Hello).Assembly.Location}\"\nmemory = 16\nextra = \"{commandLine}\"\n{more}", 0, more.Length > 0 ? [] : script);
    }

    private Task<SeedGuest> PlanAsync(string text, int number, string[] script)
    {
        var parsed = DomainConfigurationParser.Parse("guest.cfg", text, [], null);
        Assert.That(parsed.Configuration, Is.Not.Null, string.Join('\n', parsed.Messages));
        var words = CommandWords.Sort(CommandRows.Find("seeds")!, ["guest.cfg", .. script], out var refusal);
        Assert.That(refusal, Is.Null);
        return SeedGuest.PlanAsync(parsed.Configuration!, number, _folder, () => RunScript.Of(words!, 'x', 's'), CancellationToken.None);
    }
}
