using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// A machine with a hostile guest and one that it would like to harm, for one class of Xen's security advisories (<c>docs/hostile-guests.md</c>).
/// Whatever a test did, both domains end and leave nothing.
/// </summary>
internal abstract class AdvisoryFixture
{
    protected const ulong PresentUser = TestGuest.PresentUser, Writable = TestGuest.Writable;

    /// <summary>Frames that the attacker has to play with; vCPU 0 maps those below <see cref="FirstUnmapped"/>.</summary>
    protected const int Frames = 24, FirstUnmapped = 12;

    protected TestMachine Machine { get; private set; } = null!;

    protected TestGuest Attacker { get; private set; } = null!;

    protected TestGuest Neighbour { get; private set; } = null!;

    [SetUp]
    public void MakeMachine()
    {
        Machine = new TestMachine(2048);
        // A vCPU that no pCPU runs is always wanted elsewhere: what stops, and where, is a test's to say.
        Machine.Core.PreemptionChooser = _ => false;
        Attacker = new TestGuest(Machine, Frames, frame => frame < FirstUnmapped, 3);
        Neighbour = new TestGuest(Machine, Frames, frame => frame < FirstUnmapped);
    }

    [TearDown]
    public void LeaveNothing()
    {
        Machine.Core.PreemptionChooser = _ => false;
        foreach (var domain in Machine.Core.Domains.Snapshot().Where(domain => domain.Id != DomId.Dom0))
            Machine.Destroy(domain);
        Assert.That(Machine.Core.Domains.Snapshot(), Has.Count.EqualTo(1), "a dead domain is held");
        Assert.That(Machine.Core.FreeFrames, Is.EqualTo(Machine.FreeAtStart));
        Machine.Dispose();
    }

    /// <summary>Does something that must be refused, and changes no account.</summary>
    protected void AssertRefused(Errno error, Func<long> attack, string? what = null)
    {
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(attack(), Is.EqualTo(-(long)error), what);
        AssertAsBefore(before, what);
    }

    /// <summary>The same, whatever the number of the error.</summary>
    protected void AssertRefused(Func<long> attack, string? what = null)
    {
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(attack(), Is.InRange(-(long)Errno.EOPNOTSUPP, -1L), what);
        AssertAsBefore(before, what);
    }

    protected void AssertAsBefore(FrameAccounts before, string? what = null)
        => Assert.That(FrameAccounts.Take(Machine.Core).DifferenceFrom(before), Is.Null, what);

    /// <summary>The word of a page of the attacker's that vCPU 0 maps.</summary>
    protected ref ulong Word(int frame, int index) => ref Machine.Core.Memory.Words(Attacker.Frames[frame])[index];

    protected ref T At<T>(Mfn frame, ulong offset = 0) where T : unmanaged => ref Machine.Core.Memory.At<T>(frame.Address + offset);

    /// <summary>A call of the attacker's, with an argument that vCPU 1 maps at 0.</summary>
    protected long Call<T>(HypercallNumber number, ulong operation, T argument) where T : unmanaged
        => Attacker.Call(number, operation, Attacker.Put(0, argument));

    protected long Memory<T>(MemoryOperation operation, T argument) where T : unmanaged => Call(HypercallNumber.MemoryOp, (ulong)operation, argument);

    protected long Vcpu<T>(VcpuOperation operation, uint vcpu, T argument) where T : unmanaged
        => Attacker.Call(HypercallNumber.VcpuOp, (ulong)operation, vcpu, Attacker.Put(0, argument));

    protected long Events<T>(EventChannelOperation operation, T argument) where T : unmanaged => Call(HypercallNumber.EventChannelOp, (ulong)operation, argument);

    /// <summary>One entry into the hypervisor: how it ended, and what the registers are then.</summary>
    protected HypercallResult Enter(ref HypercallRegisters registers) => Attacker.Enter(Attacker.Caller, ref registers);

    protected long Update(ulong pointer, ulong value) => Attacker.Update(pointer, value);

    protected long Extended(MmuExtOperation operation, ulong first, ulong second = 0) => Attacker.Extended(operation, first, second);

    /// <summary>Has the pCPU always be wanted, so that long work stops wherever it can.</summary>
    protected void WantPCpu(Predicate<Vcpu>? when = null) => Machine.Core.PreemptionChooser = vcpu => when?.Invoke(vcpu) != false;
}
