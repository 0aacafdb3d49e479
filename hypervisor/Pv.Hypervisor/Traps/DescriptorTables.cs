using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Traps;

/// <summary>A vCPU's descriptor tables: the GDT frames that its guest gave, Xen's own entries behind them, and the LDT in the guest's memory.</summary>
internal static class DescriptorTables
{
    private const int EntriesPerFrame = PageSize.Bytes / sizeof(ulong);
    private const int SelectorIndexShift = 3;
    private const ushort LocalTable = 4;

    // Xen's entries, from FIRST_RESERVED_GDT_ENTRY on: the flat ring-3 segments.
    private const ulong FlatCode32 = 0x00cf_fb00_0000_ffff, FlatData = 0x00cf_f300_0000_ffff, FlatCode64 = 0x00af_fb00_0000_ffff;

    /// <summary>The most entries that a guest's GDT may have: what lies before Xen's.</summary>
    public const int MostGdtEntries = XenSegments.FirstReservedGdtEntry;

    public const int MostLdtEntries = 8192;

    public static bool TryRead(Vcpu vcpu, ushort selector, out ulong descriptor)
    {
        var index = (uint)selector >> SelectorIndexShift;
        descriptor = 0;
        if ((selector & LocalTable) != 0)
            return TryReadLocal(vcpu, index, out descriptor);
        if (index >= XenSegments.FirstReservedGdtEntry)
        {
            descriptor = index switch
            {
                XenSegments.FlatCode32 >> SelectorIndexShift => FlatCode32,
                XenSegments.FlatStack >> SelectorIndexShift => FlatData,
                XenSegments.FlatCode64 >> SelectorIndexShift => FlatCode64,
                _ => 0,
            };
            return true;
        }
        var traps = vcpu.Traps;
        if (index / EntriesPerFrame < traps.GdtFrames.Length)
            descriptor = vcpu.Domain.Core.Memory.At<ulong>(traps.GdtFrames[index / EntriesPerFrame].Address + index % EntriesPerFrame * sizeof(ulong));
        // The table's limit is that of Xen's part behind it, so that a missing entry is an empty one.
        return true;
    }

    /// <summary>Sets the accessed bit of a descriptor of the guest's that <see cref="TryRead"/> found. Xen's own have it.</summary>
    public static void SetAccessed(Vcpu vcpu, ushort selector)
    {
        const ulong accessed = 1ul << 40;
        var index = selector >> SelectorIndexShift;
        var (page, offset) = (index / EntriesPerFrame, (ulong)(index % EntriesPerFrame * sizeof(ulong)));
        Mfn? frame = (selector & LocalTable) != 0 ? vcpu.Traps.LdtFrames[page] : page < vcpu.Traps.GdtFrames.Length ? vcpu.Traps.GdtFrames[page] : null;
        // Other vCPUs may have the same frame, and update_descriptor writes it.
        if (frame is { } found)
            Interlocked.Or(ref vcpu.Domain.Core.Memory.At<ulong>(found.Address + offset), accessed);
    }

    /// <summary>
    /// Replaces the GDT's frames, whose holds become the vCPU's when the caller keeps them. The paging lock is held. On refusal the old ones stay.
    /// <see cref="Errno.ERESTART"/> after a frame that was looked at, when <paramref name="preemptible"/> should leave its pCPU.
    /// </summary>
    public static Errno TrySetGdt(Vcpu vcpu, CallHolds holds, ReadOnlySpan<ulong> frames, uint entries, IPreemptible? preemptible)
    {
        if (entries > MostGdtEntries)
            return Errno.EINVAL;
        var count = (int)((entries + EntriesPerFrame - 1) / EntriesPerFrame);
        var taken = new Mfn[count];
        for (var i = 0; i < count; i++)
        {
            taken[i] = new Mfn(frames[i]);
            if (holds.TryTake(taken[i], FrameType.SegmentDescriptors, preemptible, out var isNew) != Errno.None)
                return Errno.EINVAL;
            if (isNew && i < count - 1 && preemptible?.IsWantedAfter(EntriesPerFrame) == true)
                return Errno.ERESTART;
        }
        ReleaseGdt(vcpu);
        vcpu.Traps.GdtFrames = taken;
        vcpu.Traps.GdtEntries = entries;
        return Errno.None;
    }

    public static void ReleaseGdt(Vcpu vcpu)
    {
        foreach (var frame in vcpu.Traps.GdtFrames)
            vcpu.Domain.Core.PageTypes.PutFrame(frame, null);
        vcpu.Traps.GdtFrames = [];
        vcpu.Traps.GdtEntries = 0;
    }

    /// <summary>Forgets the frames of the LDT that were looked at. The paging lock is held.</summary>
    public static void ReleaseLdt(Vcpu vcpu)
    {
        foreach (var frame in vcpu.Traps.LdtFrames)
        {
            if (frame is { } held)
                vcpu.Domain.Core.PageTypes.PutFrame(held, null);
        }
        vcpu.Traps.LdtFrames.AsSpan().Clear();
    }

    /// <summary>The LDT lies in the guest's memory; its frames are taken as descriptors when one of them is first looked at.</summary>
    private static bool TryReadLocal(Vcpu vcpu, uint index, out ulong descriptor)
    {
        descriptor = 0;
        var traps = vcpu.Traps;
        if (index >= traps.LdtEntries)
            return false;
        var page = (int)(index / EntriesPerFrame);
        if (traps.LdtFrames[page] is null && !TryTakeLocal(vcpu, page))
            return false;
        descriptor = vcpu.Domain.Core.Memory.At<ulong>(traps.LdtFrames[page]!.Value.Address + index % EntriesPerFrame * sizeof(ulong));
        return true;
    }

    private static bool TryTakeLocal(Vcpu vcpu, int page)
    {
        var core = vcpu.Domain.Core;
        var address = vcpu.Traps.LdtBase + (ulong)page * PageSize.Bytes;
        using var outside = vcpu.StepOutOfGuest();
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (!PageWalker.TryFindL1Entry(core.Memory, vcpu.Traps.KernelTable.Address, address, out var entryAddress))
                return false;
            var entry = new PageTableEntry(core.Memory.At<ulong>(entryAddress));
            if (!entry.IsPresent
                || core.PageTypes.TryGetFrame(entry.Frame, FrameType.SegmentDescriptors, vcpu.Domain.Id, null) != Errno.None)
                return false;
            vcpu.Traps.LdtFrames[page] = entry.Frame;
            return true;
        }
    }
}
