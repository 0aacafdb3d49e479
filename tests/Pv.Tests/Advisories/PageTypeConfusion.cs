using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-242, XSA-401. A frame is memory, a page table of one level, or descriptors, and never two of them at once, by whatever way it is
/// asked for.
/// </summary>
[TestFixture]
internal sealed class PageTypeConfusion : GrantFixture
{
    [Test]
    public void What_is_mapped_writable_becomes_no_table_and_no_descriptors()
    {
        for (var pin = MmuExtOperation.PinL1Table; pin <= MmuExtOperation.PinL4Table; pin++)
            AssertRefused(Errno.EINVAL, () => Extended(pin, Attacker.Frames[0].Value), $"{pin}");
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.NewBasePointer, Attacker.Frames[0].Value));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.NewUserBasePointer, Attacker.Frames[0].Value));
        AssertRefused(Errno.EINVAL, () => SetGdt(Attacker.Frames[0]));
        AssertRefused(Errno.EINVAL, () => Update(Attacker.Safe[6].Address | 9 * 8, Attacker.Frames[0].Address | PresentUser | Writable));
    }

    [Test]
    public void A_table_is_written_by_no_other_way()
    {
        foreach (var table in Attacker.Safe[..8])
        {
            var content = Machine.Core.Memory.Frame(table).ToArray();
            AssertRefused(() => Update(Attacker.Safe[7].Address | 50 * 8, table.Address | PresentUser | Writable), "mapped");
            AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.ClearPage, table.Value));
            AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.CopyPage, table.Value, Attacker.Frames[0].Value));
            AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.UpdateDescriptor, table.Address, 0));
            AssertRefused(Errno.EINVAL, () => SetGdt(table));
            AssertRefused(Errno.EINVAL, () => Vcpu(VcpuOperation.RegisterVcpuInfo, 1, new VcpuRegisterVcpuInfo { Mfn = table }));
            AssertRefused(Errno.EINVAL, () => Events(EventChannelOperation.InitControl, new EventChannelInitControl { ControlGfn = table.Value }));
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(CopyInto(table), Is.EqualTo(GrantStatus.GeneralError));
            AssertAsBefore(before);
            Assert.That(Machine.Core.Memory.Frame(table).SequenceEqual(content));
        }
    }

    [Test]
    public void A_table_of_one_level_is_none_of_another()
    {
        for (var at = 4; at <= 7; at++)
        {
            var own = MmuExtOperation.PinL1Table + (uint)(7 - at);
            for (var pin = MmuExtOperation.PinL1Table; pin <= MmuExtOperation.PinL4Table; pin++)
            {
                if (pin != own)
                    AssertRefused(Errno.EINVAL, () => Extended(pin, Attacker.Safe[at].Value), $"{at}: {pin}");
            }
        }
    }

    [Test]
    public void Two_vCPUs_that_want_a_frame_as_two_things_at_once_do_not_both_get_it()
    {
        var frame = Attacker.Frames[FirstUnmapped];
        var both = 0;
        using var start = new Barrier(2);
        Parallel.Invoke(
            () =>
            {
                for (var i = 0; i < 2000; i++)
                {
                    Meet();
                    var taken = Machine.Core.PageTypes.TryGetFrame(frame, FrameType.Writable, Attacker.Domain.Id, null) == Errno.None;
                    if (taken && Machine.Core.PageTypes.TypeOf(frame) != FrameType.Writable)
                        both++;
                    Meet();
                    if (taken)
                        Machine.Core.PageTypes.PutFrame(frame, null);
                }
            },
            () =>
            {
                for (var i = 0; i < 2000; i++)
                {
                    Meet();
                    var pinned = Extended(MmuExtOperation.PinL1Table, frame.Value) == 0;
                    Meet();
                    if (pinned)
                        Extended(MmuExtOperation.UnpinTable, frame.Value);
                }
            });
        Assert.That(both, Is.Zero);

        void Meet() => Assert.That(start.SignalAndWait(TimeSpan.FromMinutes(2)), "the other one has failed");
    }

    private long SetGdt(Mfn frame)
    {
        Attacker.Put(0, frame);
        return Attacker.Call(HypercallNumber.SetGdt, 0, 512);
    }

    private GrantStatus CopyInto(Mfn frame)
    {
        var copy = new GrantTableCopy { Length = 8 };
        (copy.Source.Domain, copy.Source.Gmfn) = (DomId.Self, Attacker.Frames[0].Value);
        (copy.Destination.Domain, copy.Destination.Gmfn) = (DomId.Self, frame.Value);
        return Grants(GrantTableOperation.Copy, copy).Status;
    }
}
