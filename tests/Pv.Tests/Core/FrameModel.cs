using Pv.Abi;
using Pv.Hypervisor;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Core;

/// <summary>A map of a grant as its mapper was told of it.</summary>
internal sealed record HeldGrant(DomId Mapper, DomId Granter, uint Ref, bool ReadOnly, Mfn Mfn, uint Handle, ulong HostAddress);

/// <summary>
/// What the frame table must say, worked out anew from memory: who holds a frame and as what. Nothing is kept from step to step but what
/// guests were told (pins and grant maps), so a count that drifts is found at the step where it does.
/// </summary>
internal sealed class FrameModel(HypervisorCore core)
{
    private const ulong PinnedBit = 1ul << 63, ValidBit = 1ul << 62, PartialBit = 1ul << 61, SelfHeldBit = 1ul << 60;
    private const ulong AllocatedBit = 1ul << 63, XenBit = 1ul << 62, CountMask = 0xffff_ffff;
    private const int Types = 8, Entries = 512;

    private readonly int _frames = (int)core.Memory.FrameCount;
    private readonly int[] _references = new int[core.Memory.FrameCount];
    private readonly int[] _uses = new int[core.Memory.FrameCount * Types];
    private readonly Stack<int> _tables = new();

    public HashSet<Mfn> Pins { get; } = [];

    public List<HeldGrant> Grants { get; } = [];

    /// <summary>What is wrong, or null.</summary>
    public string? Compare()
    {
        Array.Clear(_references);
        Array.Clear(_uses);
        _tables.Clear();
        return CountHolders() ?? CountTables() ?? CompareCounts();
    }

    private static int TypeOf(ulong use) => (int)(use >> 56 & 15);

    private ref FrameInfo Row(int frame) => ref core.Frames[new Mfn((ulong)frame)];

    private int ClaimedType(Mfn mfn) => TypeOf(Row((int)mfn.Value).Use);

    private void Hold(Mfn mfn, int type)
    {
        _references[mfn.Value]++;
        Use(mfn, type);
    }

    private void Use(Mfn mfn, int type)
    {
        if (++_uses[(int)mfn.Value * Types + type] == 1 && type is >= 1 and <= 4)
            _tables.Push((int)mfn.Value);
    }

    private string? CountHolders()
    {
        for (var frame = (int)core.MachineToPhysical.ReservedFrames; frame < _frames; frame++)
        {
            ref var row = ref Row(frame);
            if ((row.Count & AllocatedBit) != 0)
                _references[frame]++;
            if ((row.Count & (AllocatedBit | XenBit)) == (AllocatedBit | XenBit))
                Use(new Mfn((ulong)frame), (int)FrameType.Writable);
            if ((row.Use & SelfHeldBit) != 0)
                Hold(new Mfn((ulong)frame), TypeOf(row.Use));
            if ((row.Use & PinnedBit) != 0 != Pins.Contains(new Mfn((ulong)frame)))
                return $"frame {frame:x}: pinned is {(row.Use & PinnedBit) != 0}, the guest was told otherwise";
        }
        foreach (var pin in Pins)
            Hold(pin, ClaimedType(pin));
        foreach (var domain in core.Domains.Snapshot())
            CountDomain(domain);
        foreach (var entry in Grants.DistinctBy(grant => (grant.Granter, grant.Ref)))
            _references[entry.Mfn.Value]++;
        foreach (var grant in Grants)
        {
            if (!grant.ReadOnly)
                Use(grant.Mfn, (int)FrameType.Writable);
        }
        return null;
    }

    private void CountDomain(Domain domain)
    {
        foreach (var table in domain.UnfinishedTables)
            Hold(table, ClaimedType(table));
        foreach (var vcpu in domain.OnlineVcpus)
        {
            if (vcpu.HasOwnVcpuInfo)
                Hold(Mfn.OfAddress(vcpu.VcpuInfoAddress), (int)FrameType.Writable);
            if (domain.Kind != DomainKind.Paravirtualized || !vcpu.IsInitialised)
                continue;
            Hold(vcpu.Traps.KernelTable, (int)FrameType.L4Table);
            if (vcpu.Traps.UserTable is { } user)
                Hold(user, (int)FrameType.L4Table);
            foreach (var frame in vcpu.Traps.GdtFrames)
                Hold(frame, (int)FrameType.SegmentDescriptors);
            foreach (var frame in vcpu.Traps.LdtFrames)
            {
                if (frame is { } held)
                    Hold(held, (int)FrameType.SegmentDescriptors);
            }
        }
    }

    private string? CountTables()
    {
        while (_tables.TryPop(out var table))
        {
            ref var row = ref Row(table);
            var level = TypeOf(row.Use);
            if (level is < 1 or > 4 || _uses[table * Types + level] == 0)
                return $"frame {table:x}: somebody uses it as a page table, and its type is {level}";
            var complete = (row.Use & (ValidBit | PartialBit)) == ValidBit;
            if (!complete && (row.Use & PartialBit) == 0)
                return $"frame {table:x}: in use as a table of level {level}, and neither valid nor partial";
            if (CountEntries(table, level, complete ? Entries : row.ValidatedEntries, complete) is { } wrong)
                return wrong;
        }
        return null;
    }

    private string? CountEntries(int table, int level, int held, bool complete)
    {
        var entries = core.Memory.Words(new Mfn((ulong)table));
        if (level == 4 && complete && ReservedSlotsAreWrong(entries))
            return $"frame {table:x}: Xen's slots of the L4 table are not Xen's";
        for (var i = 0; i < held; i++)
        {
            var next = entries[i..held].IndexOfAnyExcept(0ul);
            if (next < 0)
                return null;
            i += next;
            if ((level == 4 && i is >= 256 and <= 271) || (entries[i] & 1) == 0)
                continue;
            if (CountEntry(table, level, new PageTableEntry(entries[i]), complete) is { } wrong)
                return $"frame {table:x} (level {level}) entry {i} = {entries[i]:x}: {wrong}";
        }
        return null;
    }

    private string? CountEntry(int table, int level, PageTableEntry entry, bool complete)
    {
        var target = entry.Frame;
        if (target.Value >= (ulong)_frames)
            return "beyond the machine";
        if (!entry.IsUser)
            return "without the user bit";
        if ((entry.Value & (PageTableEntry.WriteThrough | PageTableEntry.CacheDisable | PageTableEntry.PageSizeExtension)) != 0)
            return "with flags that no guest may have";
        var owner = Row(table).Owner;
        var theirs = Row((int)target.Value).Owner;
        if (level == 1)
        {
            if (theirs != owner && !Grants.Exists(grant => grant.Mapper == owner && grant.Mfn == target && (!entry.IsWritable || !grant.ReadOnly)))
                return $"a frame of {theirs} without a grant";
            _references[target.Value]++;
            if (!entry.IsWritable)
                return null;
            Use(target, (int)FrameType.Writable);
            return ClaimedType(target) == (int)FrameType.Writable ? null : $"writable, and a frame of type {ClaimedType(target)}";
        }
        if (theirs != owner)
            return $"a table of {theirs}";
        if (ClaimedType(target) != level)
        {
            Hold(target, level - 1);
            // Below a whole table everything is whole.
            return complete && (Row((int)target.Value).Use & (ValidBit | PartialBit)) != ValidBit
                ? "the table below is not whole" : null;
        }
        if (entry.IsWritable)
            return "a writable linear map";
        if (target.Value != (ulong)table)
            Hold(target, level);
        return null;
    }

    private bool ReservedSlotsAreWrong(Span<ulong> entries)
    {
        const ulong seen = PageTableEntry.Accessed | PageTableEntry.Dirty;
        var xen = core.MachineToPhysical.L4Entry | seen;
        return (entries[256] | seen) != xen || (entries[257] | seen) != xen || entries[258..272].ContainsAnyExcept(0ul);
    }

    private string? CompareCounts()
    {
        for (var frame = (int)core.MachineToPhysical.ReservedFrames; frame < _frames; frame++)
        {
            ref var row = ref Row(frame);
            if ((int)(row.Count & CountMask) != _references[frame])
                return $"frame {frame:x}: {row.Count & CountMask} references, and {_references[frame]} are held (use {row.Use:x})";
            if (_references[frame] == 0)
            {
                if (row.Use != 0)
                    return $"frame {frame:x}: free, and use is {row.Use:x}";
                continue;
            }
            var type = TypeOf(row.Use);
            for (var other = 0; other < Types; other++)
            {
                var counted = other == type ? (int)(row.Use & CountMask) : 0;
                if (counted != _uses[frame * Types + other])
                    return $"frame {frame:x}: of type {type} {counted} uses as {other}, and {_uses[frame * Types + other]} are held (use {row.Use:x})";
            }
        }
        return null;
    }
}
