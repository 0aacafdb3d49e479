using System.Reflection;
using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Machine;
using Pv.Tests.Core;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-241, XSA-286, XSA-292, XSA-401. A frame becomes something else while another vCPU still reaches it as what it was: by a translation in
/// its TLB, by a walk that is under way, or by a copy that the hypervisor makes for it.
/// </summary>
[TestFixture]
internal sealed class StaleTranslationAfterTypeChange : AdvisoryFixture
{
    private const ulong Address = 3ul << 12;

    [Test]
    public void A_frame_that_was_writable_is_forgotten_before_it_is_a_page_table()
    {
        Flush(Attacker.Victim);
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending, Is.False, "nothing has changed its type yet");
        Assert.That(Extended(MmuExtOperation.PinL1Table, Attacker.Frames[3].Value), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending);
    }

    [Test]
    public void A_domain_at_its_end_is_not_past_it_as_long_as_a_vCPU_runs()
    {
        Flush(Attacker.Victim);
        Attacker.Domain.Enter(DomainLife.Dying);
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Assert.That(Extended(MmuExtOperation.PinL1Table, Attacker.Frames[3].Value), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending);
        Attacker.Domain.Enter(DomainLife.Alive);
    }

    [Test]
    public void A_vCPU_that_has_flushed_since_is_left_alone()
    {
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Flush(Attacker.Victim);
        Assert.That(Extended(MmuExtOperation.PinL1Table, Attacker.Frames[3].Value), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending, Is.False);
    }

    [Test]
    public void Flushes_of_other_vCPUs_however_many_are_not_its_own()
    {
        Flush(Attacker.Victim);
        // As if the other vCPU had flushed so often, which takes it some minutes.
        var clock = typeof(FrameTable).GetField("_flushClock", BindingFlags.Instance | BindingFlags.NonPublic)!;
        clock.SetValue(Machine.Core.Frames, Machine.Core.Frames.FlushClock + (1ul << 31) + 5);
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Assert.That(Extended(MmuExtOperation.PinL1Table, Attacker.Frames[3].Value), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending);
    }

    [Test]
    public void A_late_look_at_the_clock_does_not_take_back_a_later_one()
    {
        var frames = Machine.Core.Frames;
        frames.TickFlushClock();
        frames.NoteUseEnds(Attacker.Frames[3]);
        var stamp = frames[Attacker.Frames[3]].Stamp;
        var clock = typeof(FrameTable).GetField("_flushClock", BindingFlags.Instance | BindingFlags.NonPublic)!;
        clock.SetValue(frames, stamp - 1);
        frames.NoteUseEnds(Attacker.Frames[3]);
        clock.SetValue(frames, stamp);
        Assert.That(frames[Attacker.Frames[3]].Stamp, Is.EqualTo(stamp));
    }

    [Test]
    public void A_page_table_that_becomes_memory_waits_for_walks_through_it()
    {
        var table = Attacker.Frames[FirstUnmapped];
        Assert.That(Extended(MmuExtOperation.PinL1Table, table.Value), Is.Zero);
        Assert.That(Update(Attacker.Safe[6].Address | 5 * 8, table.Address | PresentUser | Writable), Is.Zero);
        Assert.That(Update(Attacker.Safe[6].Address | 5 * 8, 0), Is.Zero);
        Flush(Attacker.Victim);
        Assert.That(Extended(MmuExtOperation.UnpinTable, table.Value), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending, Is.False, "no table any more, but nothing else either");
        Assert.That(Update(Attacker.Safe[7].Address | 20 * 8, table.Address | PresentUser | Writable), Is.Zero);
        Assert.That(Attacker.Victim.FlushIsPending, "its processor may be reading the table as one");
    }

    [Test]
    public void A_copy_that_is_under_way_is_waited_for()
    {
        // A value in one page goes the short way, a span the long one.
        foreach (var length in new[] { 0, 16 })
        {
            bool? ended = null;
            var frame = Attacker.Frames[3];
            void Await()
            {
                TableWalks.Fence();
                Attacker.Victim.Walks.AwaitCurrent();
            }
            void InTheMiddle(Mfn written, FrameMark mark) => ended = Task.Run(Await).Wait(30);
            Machine.Core.Memory.Marks.Set(frame, FrameMark.DirtyLog);
            Machine.Core.Memory.Marks.Written += InTheMiddle;
            var access = GuestAccess.OfCaller(Attacker.Victim);
            Assert.That(length == 0 ? access.TryWrite(Address, 1ul) : access.TryWrite(Address, new byte[length]));
            Machine.Core.Memory.Marks.Written -= InTheMiddle;
            Machine.Core.Memory.Marks.Clear(frame, FrameMark.DirtyLog);
            Assert.That(ended, Is.False, $"{length}: the frame could have been taken away before the copy was over");
        }
    }

    [Test]
    public void A_list_that_makes_itself_a_page_table_is_not_written_any_more()
    {
        const int list = 1, operations = 2, entries = MulticallEntry.WireSize / 8, noSuchCall = 60;
        // Taken for entries of a page table, these words map nothing but the page itself, to be read.
        var itself = Attacker.Frames[list].Address | PresentUser;
        PutWords(list, 0, noSuchCall);
        PutWords(list, entries, (ulong)HypercallNumber.UpdateVaMapping, 0, TestGuest.AddressOf(list), itself);
        PutWords(list, 2 * entries, (ulong)HypercallNumber.MmuExtOp, 2, TestGuest.AddressOf(operations), 2, 0, DomId.Self.Value);
        PutWords(list, 3 * entries, noSuchCall);
        At<MmuExt>(Attacker.Frames[operations]) = new MmuExt { Operation = MmuExtOperation.PinL1Table, Argument1 = Attacker.Frames[list].Value };
        At<MmuExt>(Attacker.Frames[operations], (ulong)MmuExt.WireSize) = new MmuExt { Operation = MmuExtOperation.ClearPage, Argument1 = Attacker.Frames[3].Value };

        Flush(Attacker.Victim);
        var result = Attacker.Call(Attacker.Victim, HypercallNumber.Multicall, TestGuest.AddressOf(list), 4);

        Assert.That(Machine.Core.PageTypes.TypeOf(Attacker.Frames[list]), Is.EqualTo(FrameType.L1Table));
        Assert.That(result, Is.EqualTo(-(long)Errno.EFAULT));
        Assert.That(Word(list, 2 * entries + 1), Is.EqualTo(2), "a page table was written");
    }

    [TestCase("a flush")]
    [TestCase("a flush of the page")]
    [TestCase("code of the guest's")]
    [TestCase("a flush that another vCPU waits for")]
    public void What_a_call_has_walked_to_is_known_until(string end)
    {
        var vcpu = Attacker.Victim;
        var access = GuestAccess.OfCaller(vcpu);
        Flush(vcpu);
        Assert.That(access.TryWrite(Address, 1ul));
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, 0), Is.Zero);
        Assert.That(access.TryWrite(Address, 2ul), "as a processor's own translation, which nobody has flushed");
        switch (end)
        {
            case "a flush":
                vcpu.FlushNow();
                break;
            case "a flush of the page":
                vcpu.FlushPageNow(Address);
                break;
            case "code of the guest's":
                Assert.That(vcpu.TryEnterGuest());
                vcpu.LeaveGuest();
                break;
            default:
                vcpu.RequestFlush();
                break;
        }
        Assert.That(access.TryWrite(Address, 3ul), Is.False);
        Assert.That(access.TryRead(Address, out ulong _), Is.False);
        Assert.That(Word(3, 0), Is.EqualTo(2));
    }

    [Test]
    public void A_page_that_was_walked_to_for_reading_is_not_written()
    {
        Assert.That(Update(Attacker.Safe[7].Address | 3 * 8, Attacker.Frames[3].Address | PresentUser), Is.Zero);
        Flush(Attacker.Victim);
        var access = GuestAccess.OfCaller(Attacker.Victim);
        Assert.That(access.TryRead(Address, out ulong _));
        Assert.That(access.TryWrite(Address, 3ul), Is.False);
        Assert.That(access.TryRead(Address + (4ul << PageSize.Shift), out ulong _), "another page of the same place in what is known");
        Assert.That(access.TryWrite(Address + (4ul << PageSize.Shift), 7ul));
        Assert.That((Word(3, 0), Word(7, 0)), Is.EqualTo((0ul, 7ul)));
    }

    private void PutWords(int frame, int at, params ReadOnlySpan<ulong> words)
    {
        for (var i = 0; i < words.Length; i++)
            Word(frame, at + i) = words[i];
    }

    private static void Flush(Vcpu vcpu)
    {
        vcpu.RequestFlush();
        vcpu.FlushIfRequested();
    }
}
