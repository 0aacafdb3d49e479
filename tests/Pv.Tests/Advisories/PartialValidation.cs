using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-58, XSA-299, XSA-310. A table whose validation or whose end stopped in the middle holds some of its references; other vCPUs use, pin or
/// give up the very same table before it goes on.
/// </summary>
[TestFixture]
internal sealed class PartialValidation : AdvisoryFixture
{
    private const int L4 = FirstUnmapped, L3 = L4 + 1, L2 = L4 + 2, L1 = L4 + 3;
    private FrameAccounts _before = null!;

    [SetUp]
    public void MakeTree()
    {
        Attacker.Store(Attacker.Frames[L4], 0, Attacker.Frames[L3].Address | PresentUser | Writable);
        Attacker.Store(Attacker.Frames[L3], 0, Attacker.Frames[L2].Address | PresentUser | Writable);
        Attacker.Store(Attacker.Frames[L2], 0, Attacker.Frames[L1].Address | PresentUser | Writable);
        for (var i = 0; i < 512; i++)
            Attacker.Store(Attacker.Frames[L1], i, Attacker.Frames[i % FirstUnmapped].Address | PresentUser | Writable);
        _before = FrameAccounts.Take(Machine.Core);
    }

    [TestCase(1), TestCase(2), TestCase(3), TestCase(7), TestCase(20)]
    public void A_table_that_is_half_one_is_nothing_else(int steps)
    {
        WantPCpu();
        var pin = Stop(MmuExtOperation.PinL4Table, L4, steps);
        WantPCpu(_ => false);
        foreach (var frame in new[] { L4, L3, L2, L1 })
        {
            if (Machine.Core.PageTypes.Uses(Attacker.Frames[frame]) == 0)
                continue;
            AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.UnpinTable, Attacker.Frames[frame].Value));
            AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.ClearPage, Attacker.Frames[frame].Value));
            AssertRefused(() => Update(Attacker.Safe[7].Address | 50 * 8, Attacker.Frames[frame].Address | PresentUser | Writable));
            AssertRefused(Errno.EINVAL, () => Exchange(Attacker.Frames[frame]));
        }
        if (pin is { } registers)
            Finish(registers);
        Assert.That(Machine.Core.PageTypes.IsPinned(Attacker.Frames[L4]));
        Assert.That(Extended(MmuExtOperation.UnpinTable, Attacker.Frames[L4].Value), Is.Zero);
        AssertAsBefore(_before);
    }

    [TestCase(1), TestCase(3), TestCase(7), TestCase(20)]
    public void What_one_vCPU_began_another_finishes(int steps)
    {
        WantPCpu();
        var pin = Stop(MmuExtOperation.PinL4Table, L4, steps);
        WantPCpu(_ => false);
        var pinned = Extended(MmuExtOperation.PinL4Table, Attacker.Frames[L4].Value) == 0;
        if (pin is { } registers)
            Assert.That(Finish(registers), Is.EqualTo(pinned ? -(long)Errno.EINVAL : 0), "it is pinned once");
        Assert.That(Extended(MmuExtOperation.UnpinTable, Attacker.Frames[L4].Value), Is.Zero);
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.UnpinTable, Attacker.Frames[L4].Value));
        AssertAsBefore(_before);
    }

    [TestCase(1), TestCase(3), TestCase(7)]
    public void A_table_that_ends_comes_back_and_ends_again(int steps)
    {
        Assert.That(Extended(MmuExtOperation.PinL4Table, Attacker.Frames[L4].Value), Is.Zero);
        WantPCpu();
        var unpin = Stop(MmuExtOperation.UnpinTable, L4, steps);
        for (var i = 0; i < 3; i++)
        {
            Stop(MmuExtOperation.PinL3Table, L3, steps);
            Stop(MmuExtOperation.PinL1Table, L1, steps);
            Stop(MmuExtOperation.UnpinTable, L3, steps);
            Stop(MmuExtOperation.UnpinTable, L1, steps);
        }
        WantPCpu(_ => false);
        if (unpin is { } registers)
            Finish(registers);
        foreach (var frame in new[] { L4, L3, L1 })
            Extended(MmuExtOperation.UnpinTable, Attacker.Frames[frame].Value);
        // What was begun and never continued holds a table by itself, until somebody takes it up.
        foreach (var (operation, frame) in new[] { (MmuExtOperation.PinL3Table, L3), (MmuExtOperation.PinL1Table, L1) })
        {
            Assert.That(Extended(operation, Attacker.Frames[frame].Value), Is.Zero);
            Assert.That(Extended(MmuExtOperation.UnpinTable, Attacker.Frames[frame].Value), Is.Zero);
        }
        AssertAsBefore(_before);
    }

    /// <summary>Begins an operation and stops it after so many entries into the hypervisor; null when it was done before.</summary>
    private HypercallRegisters? Stop(MmuExtOperation operation, int frame, int steps)
    {
        Attacker.Put(0, new MmuExt { Operation = operation, Argument1 = Attacker.Frames[frame].Value });
        var registers = new HypercallRegisters((ulong)HypercallNumber.MmuExtOp, 0, 1, 0, DomId.Self.Value);
        for (var i = 0; i < steps; i++)
        {
            if (Enter(ref registers).Outcome != HypercallOutcome.Continue)
                return null;
        }
        return registers;
    }

    private long Finish(HypercallRegisters registers)
    {
        Attacker.Put(0, new MmuExt { Operation = MmuExtOperation.PinL4Table, Argument1 = Attacker.Frames[L4].Value });
        while (true)
        {
            var result = Enter(ref registers);
            if (result.Outcome != HypercallOutcome.Continue)
                return result.Value;
        }
    }

    private long Exchange(Mfn frame)
    {
        Attacker.Put(0x800, frame);
        var one = new MemoryReservation { ExtentStart = 0x800, ExtentCount = 1, Domain = DomId.Self };
        return Memory(MemoryOperation.Exchange, new MemoryExchange { In = one, Out = one });
    }
}
