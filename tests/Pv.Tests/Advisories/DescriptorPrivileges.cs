using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Traps;

namespace Pv.Tests.Advisories;

/// <summary>XSA-105, XSA-110. Descriptors by which a guest would raise its privilege: other rings, gates, task states, local tables.</summary>
[TestFixture]
internal sealed class DescriptorPrivileges : AdvisoryFixture
{
    private const ulong Present = 1ul << 47, Segment = 1ul << 44, Dpl = 3ul << 45;

    [Test]
    public void A_table_holds_nothing_above_ring_3()
    {
        var frame = Attacker.Frames[FirstUnmapped];
        Assert.That(Set(frame, 512), Is.Zero);
        // Every type, of segments and of the system, present, with every level.
        for (ulong kind = 0; kind < 128; kind++)
        {
            var descriptor = kind << 40 | Present | 0x00af_0000_0000_ffff | 0xe033ul << 16;
            var result = Attacker.Call(HypercallNumber.UpdateDescriptor, frame.Address | 8, descriptor);
            if (result == 0)
                AssertHarmless(At<ulong>(frame, 8), $"{kind:x}");
        }
    }

    [Test]
    public void A_frame_with_others_is_no_table_and_one_with_weaker_rings_is_corrected()
    {
        var frame = Attacker.Frames[FirstUnmapped];
        foreach (var type in new ulong[] { 1, 2, 3, 5, 6, 7, 9, 11, 14, 15 })
        {
            At<ulong>(frame, 100 * 8) = type << 40 | Present | 0xe033ul << 16;
            AssertRefused(Errno.EINVAL, () => Set(frame, 512), $"system type {type}");
        }
        At<ulong>(frame, 100 * 8) = 12ul << 40 | Present | 0xe008ul << 16;
        AssertRefused(Errno.EINVAL, () => Set(frame, 512), "a gate into the hypervisor's code");
        At<ulong>(frame, 100 * 8) = 0x00af_9b00_0000_ffff;
        Assert.That(Set(frame, 512), Is.Zero);
        Assert.That(At<ulong>(frame, 100 * 8) & Dpl, Is.EqualTo(Dpl));
    }

    [Test]
    public void A_table_in_use_is_written_by_its_call_alone()
    {
        var frame = Attacker.Frames[FirstUnmapped];
        Assert.That(Set(frame, 512), Is.Zero);
        AssertRefused(() => Update(Attacker.Safe[7].Address | 50 * 8, frame.Address | PresentUser | Writable));
        AssertRefused(Errno.EINVAL, () => Extended(MmuExtOperation.ClearPage, frame.Value));
        AssertRefused(Errno.EINVAL, () => Update(frame.Address, 0x00af_9b00_0000_ffff));
        Assert.That(Set(frame, 0), Is.Zero);
        Assert.That(Extended(MmuExtOperation.ClearPage, frame.Value), Is.Zero, "it is memory again");
    }

    private static void AssertHarmless(ulong stored, string what)
    {
        if ((stored & Present) == 0)
            return;
        var isSystem = (stored & Segment) == 0;
        var type = stored >> 40 & 15;
        // A call gate stays of ring 0, so that nobody in ring 3 uses it.
        Assert.That(isSystem ? type == 0 || (type == 12 && (stored & Dpl) == 0) : (stored & Dpl) == Dpl, what);
        Assert.That(Descriptor.TryFix(stored, out var again) && again == stored, what);
    }

    private long Set(Mfn frame, ulong entries)
    {
        Attacker.Put(0x800, frame);
        return Attacker.Call(HypercallNumber.SetGdt, 0x800, entries);
    }
}
