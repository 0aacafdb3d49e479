using NUnit.Framework;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-213. A call changes the page tables by which its own arguments are found; what was the old root may be memory of the guest's by then,
/// full of entries that nobody judged.
/// </summary>
[TestFixture]
internal sealed class PageTableUseAfterModeChange : AdvisoryFixture
{
    private const int Arguments = 0, FakeL4 = 1, FakeL3 = 2, FakeL2 = 3, FakeL1 = 4, NewRoot = FirstUnmapped;
    private const ulong Tell = 0x800;

    [Test]
    public void A_list_goes_on_by_the_tables_that_one_of_its_elements_set()
    {
        var oldRoot = Attacker.Safe[4];
        // What the old root shall become once it is no table: a tree of plain pages, in which address 0 is the neighbour's memory.
        Word(FakeL4, 0) = Attacker.Frames[FakeL3].Address | PresentUser | Writable;
        Word(FakeL3, 0) = Attacker.Frames[FakeL2].Address | PresentUser | Writable;
        Word(FakeL2, 0) = Attacker.Frames[FakeL1].Address | PresentUser | Writable;
        Word(FakeL1, 0) = Neighbour.Frames[0].Address | PresentUser | Writable;
        Attacker.Store(Attacker.Frames[NewRoot], 0, Attacker.Safe[5].Address | PresentUser | Writable);
        Assert.That(Extended(MmuExtOperation.PinL4Table, Attacker.Frames[NewRoot].Value), Is.Zero);
        PutOperation(0, MmuExtOperation.NewBasePointer, Attacker.Frames[NewRoot].Value);
        PutOperation(1, MmuExtOperation.CopyPage, oldRoot.Value, Attacker.Frames[FakeL4].Value);
        PutOperation(2, MmuExtOperation.TlbFlushLocal, 0);
        var before = Machine.Core.Memory.Frame(Neighbour.Frames[0]).ToArray();

        var result = Attacker.Call(Attacker.Victim, HypercallNumber.MmuExtOp, 0, 3, Tell, DomId.Self.Value);

        Assert.That(result, Is.Zero);
        Assert.That(Machine.Core.PageTypes.TypeOf(oldRoot), Is.EqualTo(FrameType.Writable), "the old root is memory now");
        Assert.That(Word(Arguments, (int)Tell / 8), Is.EqualTo(3), "the guest is told in its own page");
        Assert.That(Machine.Core.Memory.Frame(Neighbour.Frames[0]).SequenceEqual(before), "the neighbour's page was written");
    }

    [Test]
    public void A_list_ends_where_it_returns_to_another_place()
    {
        Attacker.Put(0x1000, new IretContext { Rip = 0x5000, Cs = XenSegments.FlatCode64 & ~3u, Ss = XenSegments.FlatStack, Rsp = 0x1800, Rflags = 0x200 });
        Attacker.Caller.Registers.Rsp = 0x1000;
        Attacker.Put(0, new MulticallEntry { Operation = (ulong)HypercallNumber.Iret });
        Attacker.Put((ulong)MulticallEntry.WireSize, new MulticallEntry { Operation = (ulong)HypercallNumber.XenVersion, Result = 99 });
        var registers = new HypercallRegisters((ulong)HypercallNumber.Multicall, 0, 2);
        Assert.That(Enter(ref registers).Outcome, Is.EqualTo(HypercallOutcome.RegistersSet));
        Assert.That((Attacker.Caller.Traps.InKernel, Attacker.Caller.Registers.Rip, Attacker.Caller.Registers.Cr3), Is.EqualTo((true, 0x5000ul, Attacker.Safe[0].Address)));
        Assert.That(Attacker.Get<MulticallEntry>((ulong)MulticallEntry.WireSize).Result, Is.EqualTo(99), "nothing is called from there");

        // To user code that has no tables: the domain ends in the kernel's mode.
        Attacker.Put(0x1000, new IretContext { Cs = 3 });
        Attacker.Caller.Registers.Rsp = 0x1000;
        Assert.That(() => Attacker.Call(HypercallNumber.Multicall, 0, 2), Throws.InstanceOf<GuestCrashException>());
        Assert.That((Attacker.Caller.Traps.InKernel, Attacker.Caller.Registers.Cr3), Is.EqualTo((true, Attacker.Safe[0].Address)));
    }

    private void PutOperation(int index, MmuExtOperation operation, ulong first, ulong second = 0)
        => At<MmuExt>(Attacker.Frames[Arguments], (ulong)(index * MmuExt.WireSize)) = new MmuExt { Operation = operation, Argument1 = first, Argument2 = second };
}
