using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-155, XSA-166. An argument is judged, and then read again: another vCPU has changed it in between. Here one changes all arguments all the
/// time while calls are made with them.
/// </summary>
[TestFixture]
internal sealed class ArgumentChangedUnderTheReader : GrantFixture
{
    private const int Rounds = 4000;

    [Test]
    public void Whatever_is_read_is_acted_on_as_it_was_judged([Values(1, 2)] int seed)
    {
        Offer(Ref, Neighbour.Frames[0]);
        Machine.Core.Memory.Frame(Neighbour.Frames[1]).Fill(0x77);
        var foreign = Neighbour.Safe.Select(frame => Machine.Core.Memory.Frame(frame).ToArray()).ToArray();
        // What calls are made with, right and wrong, so that each reading finds one of them.
        ulong[] values =
        [
            0, 1, 2, 8, 512, Attacker.Frames[13].Value, Attacker.Frames[0].Value, Neighbour.Frames[1].Value, Attacker.Frames[13].Address, Neighbour.Safe[7].Address,
            0x800, XenVirtualMemory.Start, ulong.MaxValue, Attacker.Safe[7].Address | 50 * 8, Attacker.Frames[2].Address | 0x67, Ref, DomId.Self.Value,
            (ulong)DomId.Self.Value << 32 | 9, 1ul << 63, 0xffff_ffff,
        ];
        var (dice, chance) = (new Random(seed), new Random(seed * 1000));
        using (new Alongside(() => Volatile.Write(ref Machine.Core.Memory.Words(Attacker.Safe[8])[dice.Next(16)], values[dice.Next(values.Length)])))
        {
            for (var i = 0; i < Rounds; i++)
                CallAtRandom(chance);
        }
        for (var i = 0; i < foreign.Length; i++)
            Assert.That(Machine.Core.Memory.Frame(Neighbour.Safe[i]).SequenceEqual(foreign[i]), $"the neighbour's table {i}");
        Assert.That(Machine.Core.Memory.Frame(Neighbour.Frames[1]).ContainsAnyExcept((byte)0x77), Is.False, "what the neighbour never offered");
    }

    /// <summary>One of the calls that read an argument of 0, where all of it changes.</summary>
    private void CallAtRandom(Random chance)
    {
        var (number, first, second, third, fourth) = chance.Next(12) switch
        {
            0 => (HypercallNumber.MmuUpdate, 0ul, 4ul, 0x1f00ul, (ulong)DomId.Self.Value),
            1 => (HypercallNumber.MmuExtOp, 0ul, 3ul, 0x1f00ul, DomId.Self.Value),
            2 => (HypercallNumber.GrantTableOp, (ulong)chance.Next(12), 0ul, 2ul, 0ul),
            3 => (HypercallNumber.MemoryOp, (ulong)MemoryOperation.Exchange, 0ul, 0ul, 0ul),
            4 => (HypercallNumber.MemoryOp, (ulong)chance.Next(2), 0ul, 0ul, 0ul),
            5 => (HypercallNumber.EventChannelOp, (ulong)chance.Next(14), 0ul, 0ul, 0ul),
            6 => (HypercallNumber.SetGdt, 0ul, (ulong)chance.Next(1200), 0ul, 0ul),
            7 => (HypercallNumber.VcpuOp, (ulong)VcpuOperation.RegisterRunstateMemoryArea, 2ul, 0ul, 0ul),
            8 => (HypercallNumber.UpdateDescriptor, Attacker.Frames[14].Address, 0x00cf_9300_0000_fffful, 0ul, 0ul),
            9 => (HypercallNumber.SetTrapTable, 0x10ul, 0ul, 0ul, 0ul),
            10 => (HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef, 0ul, 1ul, 0ul),
            _ => (HypercallNumber.PhysdevOp, 6ul, 0ul, 0ul, 0ul),
        };
        Attacker.Call(number, first, second, third, fourth);
    }

    [Test]
    public void An_entry_of_a_grant_table_that_changes_all_the_time_is_used_as_it_was_read()
    {
        Machine.Core.Memory.Frame(Neighbour.Frames[1]).Fill(0x77);
        var good = Entry(Neighbour.Frames[0], GrantEntryFlags.PermitAccess, Attacker.Domain.Id);
        ulong[] entries =
        [
            good, good, Entry(Neighbour.Safe[7], GrantEntryFlags.PermitAccess, Attacker.Domain.Id), Entry(Neighbour.Frames[1], GrantEntryFlags.PermitAccess, DomId.Dom0),
            Entry(Neighbour.Frames[0], GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly, Attacker.Domain.Id), 0,
        ];
        var before = FrameAccounts.Take(Machine.Core);
        var dice = new Random(3);
        var mapped = 0;
        using (new Alongside(Change))
        {
            for (var i = 0; i < Rounds; i++)
            {
                // Whoever changes it may be stopped where it is wrong.
                if (i % 8 == 0)
                    Volatile.Write(ref At<ulong>(NeighbourTable, Ref * 8), good);
                var map = Map(Ref, EntryOf(40));
                if (map.Status != GrantStatus.Okay)
                    continue;
                mapped++;
                Assert.That(Mfn.OfAddress(map.DevBusAddress), Is.EqualTo(Neighbour.Frames[0]));
                Assert.That(Unmap(map.Handle, EntryOf(40)), Is.EqualTo(GrantStatus.Okay));
            }
        }
        At<ulong>(NeighbourTable, Ref * 8) = 0;
        AssertAsBefore(before);
        Assert.That(mapped, Is.Positive);

        void Change()
        {
            Volatile.Write(ref At<ulong>(NeighbourTable, Ref * 8), entries[dice.Next(entries.Length)]);
            // Now and then it stays long enough to be mapped.
            Thread.SpinWait(dice.Next(200));
        }
    }

    [Test]
    public void An_instruction_that_is_another_when_it_is_emulated_writes_where_it_faulted_or_nowhere()
    {
        Attacker.Domain.VmAssist |= 1ul << (int)VmAssistType.WritablePageTables;
        var vcpu = Attacker.Victim;
        // vCPU 0 sees its L1 table read-only at page 60, and a second table of its own at page 61.
        var other = Attacker.Frames[FirstUnmapped];
        Assert.That(Extended(MmuExtOperation.PinL1Table, other.Value), Is.Zero);
        Assert.That(Update(Attacker.Safe[7].Address | 60 * 8, Attacker.Safe[7].Address | PresentUser), Is.Zero);
        Assert.That(Update(Attacker.Safe[7].Address | 61 * 8, other.Address | PresentUser), Is.Zero);
        // mov [rdi], rax, with rdi elsewhere than where it faulted.
        byte[] code = [0x48, 0x89, 0x07];
        code.CopyTo(Machine.Core.Memory.Frame(Attacker.Frames[0]));
        (vcpu.Registers.Rip, vcpu.Registers.Rax, vcpu.Registers.Rdi) = (0, Attacker.Frames[2].Address | PresentUser, (61ul << 12) + 8);
        var faulted = (60ul << 12) + 8 * 70;
        Assert.That(Pv.Hypervisor.Paging.WritableTables.TryEmulate(vcpu, faulted, 3), Is.False);
        Assert.That((At<ulong>(other, 8), At<ulong>(Attacker.Safe[7], 70 * 8)), Is.EqualTo((0ul, 0ul)));
        vcpu.Registers.Rdi = faulted;
        vcpu.Registers.Rax = Neighbour.Frames[0].Address | PresentUser;
        AssertNotEmulated(vcpu, faulted, "a foreign frame");
        vcpu.Registers.Rax = Attacker.Safe[7].Address | PresentUser | Writable;
        AssertNotEmulated(vcpu, faulted, "a table, writable");
        vcpu.Registers.Rax = Attacker.Frames[2].Address | PresentUser;
        vcpu.Traps.InKernel = false;
        AssertNotEmulated(vcpu, faulted, "user code");
        vcpu.Traps.InKernel = true;
        Assert.That(Pv.Hypervisor.Paging.WritableTables.TryEmulate(vcpu, faulted, 3));
        Assert.That(Mfn.OfAddress(At<ulong>(Attacker.Safe[7], 70 * 8) & 0x000f_ffff_ffff_f000), Is.EqualTo(Attacker.Frames[2]));
    }

    private void AssertNotEmulated(Pv.Hypervisor.Domains.Vcpu vcpu, ulong address, string what)
    {
        var before = FrameAccounts.Take(Machine.Core);
        Assert.That(Pv.Hypervisor.Paging.WritableTables.TryEmulate(vcpu, address, 3), Is.False, what);
        AssertAsBefore(before, what);
    }
}
