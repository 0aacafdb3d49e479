using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>A fault of ours while serving a domain costs that domain its life, and nobody else anything.</summary>
[TestFixture]
internal sealed class InjectedExceptionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static HypercallResult Throw(ref HypercallContext call) => throw new InvalidDataException("as the test wished");

    [Test]
    public void A_throwing_handler_ends_only_its_caller_whichever_call_it_serves()
    {
        using var machine = new TestMachine(1200, pcpus: 2, manualTime: false);
        var wanted = new ulong[16];
        using var otherRan = new SemaphoreSlim(0);
        DomId otherId = default;
        machine.Engine.Script = (ScriptedVcpu vcpu, ref GuestRegisters registers) =>
        {
            if (vcpu.Domain == otherId)
            {
                otherRan.Release();
                registers.Rax = (ulong)HypercallNumber.SchedOp;
                registers.Rdi = (ulong)SchedOperation.Yield;
                return CpuExit.Syscall;
            }
            registers.Rax = Volatile.Read(ref wanted[vcpu.Domain.Value % 16]);
            return CpuExit.Syscall;
        };
        var other = new TestGuest(machine, 4);
        otherId = other.Domain.Id;
        // Its scheduling calls are its own affair: the ones that throw are the others'.
        machine.ControlOrThrow(DomctlOperation.UnpauseDomain, otherId);
        foreach (var number in Enum.GetValues<HypercallNumber>().Where(number => number is not (HypercallNumber.SchedOp or HypercallNumber.Domctl or HypercallNumber.MemoryOp)))
        {
            var guest = new TestGuest(machine, 4);
            Volatile.Write(ref wanted[guest.Domain.Id.Value % 16], (ulong)number);
            var before = machine.Core.Hypercalls.Replace(number, Throw);
            machine.ControlOrThrow(DomctlOperation.UnpauseDomain, guest.Domain.Id);
            Assert.That(SpinWait.SpinUntil(() => guest.Domain.Shutdown is not null, Patience), $"{number}: the caller goes on");
            Assert.That(guest.Domain.Shutdown, Is.EqualTo(ShutdownReason.Crash), $"{number}");
            machine.Core.Hypercalls.Replace(number, before);
            var log = machine.Core.Log.Read(false);
            Assert.That(log, Does.Contain($"domain {guest.Domain.Id.Value} crashed").And.Contain("as the test wished"), $"{number}");
            while (otherRan.Wait(0))
            {
                // What ran until now does not count.
            }
            Assert.That(otherRan.Wait(Patience), $"{number}: another domain stopped");
            Assert.That(other.Domain.Shutdown, Is.Null, $"{number}");
            machine.Destroy(guest.Domain);
        }
        machine.Destroy(other.Domain);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }

    [Test]
    public void Dom0_gets_the_exception_and_goes_on()
    {
        using var machine = new TestMachine();
        var before = machine.Core.Hypercalls.Replace(HypercallNumber.XenVersion, Throw);
        var version = new HypercallRegisters((ulong)HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
        Assert.That(() => machine.Core.Dom0.Call(version), Throws.InvalidOperationException.With.InnerException.TypeOf<InvalidDataException>());
        machine.Core.Hypercalls.Replace(HypercallNumber.XenVersion, before);
        Assert.That(machine.Core.Dom0.Call(version), Is.EqualTo(4 << 16 | 17));
        Assert.That(machine.Dom0.Shutdown, Is.Null);
    }

    [Test]
    public void A_managed_guest_ends_with_the_call_that_threw()
    {
        using var machine = new TestMachine();
        var domain = machine.CreateDomain(8, managed: true);
        var other = machine.CreateDomain(8, managed: true);
        machine.Core.Hypercalls.Replace(HypercallNumber.XenVersion, Throw);
        var version = new HypercallRegisters((ulong)HypercallNumber.XenVersion);
        Assert.That(() => domain.Gate!.Call(version), Throws.TypeOf<GuestCrashException>());
        Assert.That((domain.Shutdown, other.Shutdown), Is.EqualTo(((ShutdownReason?)ShutdownReason.Crash, (ShutdownReason?)null)));
        machine.Destroy(domain);
        machine.Destroy(other);
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(machine.FreeAtStart));
    }
}
