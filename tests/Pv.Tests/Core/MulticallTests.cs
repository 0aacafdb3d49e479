using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>Lists of calls: each with its own result, stopped and continued anywhere.</summary>
[TestFixture]
internal sealed class MulticallTests
{
    [Test]
    public void Each_entry_has_its_own_result()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        Put(guest, 0, HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
        Put(guest, 1, HypercallNumber.Multicall, 0, 1);
        Put(guest, 2, (HypercallNumber)60);
        Put(guest, 3, HypercallNumber.TmemOp);
        Put(guest, 4, HypercallNumber.XenVersion, (ulong)XenVersionOperation.PageSize);
        Assert.That(guest.Call(HypercallNumber.Multicall, 0, 5), Is.Zero);
        Assert.That(Enumerable.Range(0, 5).Select(i => Result(guest, i)),
            Is.EqualTo(new[] { 4L << 16 | 17, -(long)Errno.EINVAL, -(long)Errno.ENOSYS, -(long)Errno.ENOSYS, 4096 }));
        Assert.That(guest.Call(HypercallNumber.Multicall, 0, 1ul << 32), Is.Zero, "a count has 32 bits");
        Assert.That(guest.Call(HypercallNumber.Multicall, 0x1fe0, 1), Is.EqualTo(-(long)Errno.EFAULT), "an entry beyond the memory");
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_list_that_is_stopped_between_entries_and_within_them_ends_as_if_it_were_not()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 8);
        for (var chance = 1; chance <= 4; chance++)
        {
            var dice = new Dice((ulong)chance);
            machine.Core.PreemptionChooser = _ => dice.OneIn(chance);
            for (var i = 0; i < 8; i++)
                guest.Put((ulong)(0x1000 + i * MmuUpdate.WireSize), new MmuUpdate { Pointer = guest.Frames[i].Address | 1, Value = (ulong)(100 * chance + i) });
            Put(guest, 0, HypercallNumber.MmuUpdate, 0x1000, 8, TestGuest.StatusAddress, DomId.Self.Value);
            Put(guest, 1, HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
            Assert.That(guest.Call(HypercallNumber.Multicall, 0, 2), Is.Zero);
            Assert.That((Result(guest, 0), Result(guest, 1)), Is.EqualTo((0L, 4L << 16 | 17)));
            Assert.That(guest.Get<uint>(TestGuest.StatusAddress), Is.EqualTo(8), "all updates were counted");
            for (var i = 0; i < 8; i++)
                Assert.That(machine.Core.MachineToPhysical[guest.Frames[i]], Is.EqualTo(new Pfn((ulong)(100 * chance + i))));
        }
        machine.Destroy(guest.Domain);
    }

    [Test]
    public void A_block_in_the_middle_lets_the_rest_follow_after_it()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        machine.Core.PreemptionChooser = _ => false;
        Put(guest, 0, HypercallNumber.SchedOp, (ulong)SchedOperation.Block);
        Put(guest, 1, HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
        var registers = new HypercallRegisters((ulong)HypercallNumber.Multicall, 0, 2);
        var result = guest.Enter(guest.Caller, ref registers);
        Assert.That((result.Outcome, result.Rerun), Is.EqualTo((HypercallOutcome.Block, true)));
        Assert.That((registers.First, registers.Second), Is.EqualTo(((ulong)MulticallEntry.WireSize, 1ul)));
        Assert.That(guest.Enter(guest.Caller, ref registers).Outcome, Is.EqualTo(HypercallOutcome.Done));
        Assert.That(Result(guest, 1), Is.EqualTo(4L << 16 | 17));
        machine.Destroy(guest.Domain);
    }

    private static long Result(TestGuest guest, int index) => guest.Get<MulticallEntry>((ulong)(index * MulticallEntry.WireSize)).Result;

    private static void Put(TestGuest guest, int index, HypercallNumber number, params ReadOnlySpan<ulong> arguments)
    {
        var entry = new MulticallEntry { Operation = (ulong)number, Result = 99 };
        for (var i = 0; i < arguments.Length; i++)
            entry.Arguments[i] = arguments[i];
        guest.Put((ulong)(index * MulticallEntry.WireSize), entry);
    }
}
