using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;

namespace Pv.Hypervisor.Auditing;

/// <summary>
/// The frame table, worked out anew from those who hold frames: allocations, pins, base pointers, descriptor tables, every entry of every
/// page table in use, pages that the hypervisor writes for a guest, grants in use, foreign pages of physical maps. What the table says must
/// be exactly that, and no entry may map what its domain has no right to.
/// </summary>
/// <remarks>Nothing may change meanwhile. The arrays are kept from one audit to the next.</remarks>
internal sealed class FrameAudit(HypervisorCore core, AuditFindings findings)
{
    private const int Entries = 512;

    private readonly int _frames = (int)core.Memory.FrameCount, _reserved = (int)core.MachineToPhysical.ReservedFrames;
    private readonly int[] _references = new int[core.Memory.FrameCount], _uses = new int[core.Memory.FrameCount];
    private readonly Stack<int> _tables = new();

    // By mapper and frame: entries that map it writable or read-only, less the maps of grants that allow them.
    private readonly Dictionary<(DomId Mapper, ulong Frame), (int Writable, int ReadOnly)> _foreign = [];

    public void Look(IReadOnlyList<Domain> domains)
    {
        Array.Clear(_references);
        Array.Clear(_uses);
        _tables.Clear();
        _foreign.Clear();
        CountRows();
        foreach (var domain in domains)
            CountDomain(domain);
        CountTables();
        CompareForeign();
        CompareCounts();
        foreach (var domain in domains)
        {
            using (domain.PageLock.Hold())
                CompareLists(domain);
        }
        findings.Looked += (ulong)_frames;
    }

    private ref FrameInfo Row(int frame) => ref core.Frames[new Mfn((ulong)frame)];

    private static FrameType TypeOf(ulong use) => (FrameType)((use & PageTypes.TypeMask) >> PageTypes.TypeShift);

    private FrameType ClaimedType(Mfn mfn) => TypeOf(Row((int)mfn.Value).Use);

    private bool IsGuestFrame(Mfn mfn) => mfn.Value >= (ulong)_reserved && mfn.Value < (ulong)_frames;

    /// <summary>Somebody holds a reference and a use.</summary>
    private void Hold(Mfn mfn, FrameType type, string who)
    {
        if (!IsGuestFrame(mfn))
        {
            findings.Add($"{who} holds {mfn}, which is no guest's");
            return;
        }
        _references[mfn.Value]++;
        Use(mfn, type, who);
    }

    private void Use(Mfn mfn, FrameType type, string who)
    {
        if (ClaimedType(mfn) != type)
            findings.Add($"{who} uses {mfn} as {type}, and it is {ClaimedType(mfn)}");
        if (++_uses[mfn.Value] == 1 && EntryRules.LevelOf(type) != 0)
            _tables.Push((int)mfn.Value);
    }

    private void CountRows()
    {
        ulong free = 0;
        for (var frame = _reserved; frame < _frames; frame++)
        {
            ref var row = ref Row(frame);
            var mfn = new Mfn((ulong)frame);
            if (row.Count == 0)
            {
                free++;
                if (row.Use != 0)
                    findings.Add($"{mfn} is free, and its use is 0x{row.Use:x}");
                continue;
            }
            if (core.Domains.Find(row.Owner) is null)
                findings.Add($"{mfn} belongs to {row.Owner}, which is gone");
            if ((row.Count & FrameTable.Allocated) != 0)
                _references[frame]++;
            // Its own use stays with a shared frame to the end, also of one that somebody else still holds.
            if ((row.Count & FrameTable.XenFrame) != 0)
                Use(mfn, FrameType.Writable, "the hypervisor");
            if ((row.Use & PageTypes.SelfHeld) != 0)
                Hold(mfn, TypeOf(row.Use), "a stopped validation");
            if ((row.Use & PageTypes.Pinned) != 0)
                Hold(mfn, EntryRules.LevelOf(TypeOf(row.Use)) != 0 ? TypeOf(row.Use) : FrameType.L1Table, "a pin");
        }
        if (free != core.Allocator.FreeFrames)
            findings.Add($"{free} frames are free by the table, and {core.Allocator.FreeFrames} by the allocator");
    }

    private void CountDomain(Domain domain)
    {
        using (domain.PagingLock.Hold())
        {
            foreach (var table in domain.UnfinishedTables)
                Hold(table, ClaimedType(table), "an unfinished end");
        }
        foreach (var (first, order) in domain.Retired)
        {
            for (ulong i = 0; i < 1ul << order; i++)
                _references[first.Plus(i).Value]++;
        }
        foreach (var frame in domain.Events.QueueFrames())
            Hold(frame, FrameType.Writable, $"{domain.Id}'s event queues");
        foreach (var vcpu in domain.OnlineVcpus)
            CountVcpu(vcpu);
        foreach (var service in domain.Services)
        {
            if (service is not null)
                CountService(service);
        }
        domain.Grants.CountFrames(this);
        if (domain.PhysicalMap is { } map)
            CountPhysicalMap(domain, map);
    }

    private void CountVcpu(Vcpu vcpu)
    {
        var domain = vcpu.Domain;
        if (vcpu.HasOwnVcpuInfo)
            Hold(Mfn.OfAddress(vcpu.VcpuInfoAddress), FrameType.Writable, $"{vcpu}'s info");
        if (domain.Kind != DomainKind.Paravirtualized)
            return;
        foreach (var (frame, type) in vcpu.Traps.Holds(vcpu).Taken)
            Hold(frame, type, $"a stopped call of {vcpu}");
        if (!vcpu.IsInitialised)
            return;
        Hold(vcpu.Traps.KernelTable, FrameType.L4Table, $"{vcpu}'s base pointer");
        if (vcpu.Traps.UserTable is { } user)
            Hold(user, FrameType.L4Table, $"{vcpu}'s user base pointer");
        var running = Mfn.OfAddress(vcpu.Registers.Cr3);
        if (running != vcpu.Traps.KernelTable && running != vcpu.Traps.UserTable)
            findings.Add($"{vcpu} runs by {running}, which is neither its kernel's table nor its user code's");
        foreach (var frame in vcpu.Traps.GdtFrames)
            Hold(frame, FrameType.SegmentDescriptors, $"{vcpu}'s GDT");
        foreach (var frame in vcpu.Traps.LdtFrames)
        {
            if (frame is { } held)
                Hold(held, FrameType.SegmentDescriptors, $"{vcpu}'s LDT");
        }
    }

    private void CountService(Vcpu service)
    {
        if (service.Queue is not { } queue)
            return;
        foreach (var frame in queue.Held.Frames)
            Hold(frame, FrameType.Writable, $"{service}");
        if (queue.Held.Root is { } root)
            Hold(root, FrameType.L4Table, $"{service}");
        foreach (var (frame, type) in service.Traps.Holds(service).Taken)
            Hold(frame, type, $"a stopped call of {service}");
    }

    private void CountPhysicalMap(Domain domain, PhysicalMap map)
    {
        foreach (var pfn in map.Mapped())
        {
            var kind = map.Get(pfn, out var mfn);
            findings.Looked++;
            if (!IsGuestFrame(mfn))
            {
                findings.Add($"{domain.Id} maps {mfn} at {pfn}, which is no guest's");
                continue;
            }
            var owner = Row((int)mfn.Value).Owner;
            switch (kind)
            {
                case PhysicalMapKind.Own when owner != domain.Id || core.MachineToPhysical[mfn] != pfn:
                    findings.Add($"{domain.Id} has {mfn} at {pfn}: its owner is {owner}, and the machine-to-physical table says {core.MachineToPhysical[mfn]}");
                    break;
                case PhysicalMapKind.Xen when owner != domain.Id || !core.Frames.IsXenFrame(mfn):
                    findings.Add($"{domain.Id} maps {mfn} at {pfn} as shared with it, which it is not");
                    break;
                case PhysicalMapKind.Foreign:
                    _references[mfn.Value]++;
                    break;
                case PhysicalMapKind.Grant:
                    NoteForeign(domain.Id, mfn, 1, 0);
                    break;
                case PhysicalMapKind.ReadOnlyGrant:
                    NoteForeign(domain.Id, mfn, 0, 1);
                    break;
            }
        }
    }

    /// <summary>A grant in use holds its frame once, and as writable for each use that may write.</summary>
    public void CountGrant(DomId granter, uint reference, Mfn mfn, int writable)
    {
        findings.Looked++;
        if (!IsGuestFrame(mfn) || Row((int)mfn.Value).Owner != granter)
        {
            findings.Add($"{granter}'s grant {reference} is in use for {mfn}, which is not its own");
            return;
        }
        _references[mfn.Value]++;
        for (var i = 0; i < writable; i++)
            Use(mfn, FrameType.Writable, $"{granter}'s grant {reference}");
    }

    /// <summary>A map of a grant allows one entry.</summary>
    public void CountMap(DomId mapper, Mfn mfn, bool readOnly)
    {
        NoteForeign(mapper, mfn, readOnly ? 0 : -1, readOnly ? -1 : 0);
    }

    private void NoteForeign(DomId mapper, Mfn mfn, int writable, int readOnly)
    {
        var (writables, readOnlies) = _foreign.GetValueOrDefault((mapper, mfn.Value));
        _foreign[(mapper, mfn.Value)] = (writables + writable, readOnlies + readOnly);
    }

    private void CountTables()
    {
        while (_tables.TryPop(out var table))
        {
            ref var row = ref Row(table);
            var level = EntryRules.LevelOf(TypeOf(row.Use));
            var mfn = new Mfn((ulong)table);
            var isWhole = (row.Use & (PageTypes.Valid | PageTypes.Partial)) == PageTypes.Valid;
            if (level == 0)
                findings.Add($"somebody uses {mfn} as a page table, and it is {TypeOf(row.Use)}");
            else if (!isWhole && (row.Use & PageTypes.Partial) == 0)
                findings.Add($"{mfn} is in use as a table of level {level}, and neither valid nor partial");
            else
                CountEntries(mfn, level, isWhole ? Entries : row.ValidatedEntries, isWhole);
        }
    }

    private void CountEntries(Mfn table, int level, int held, bool isWhole)
    {
        var entries = core.Memory.Words(table);
        if (level == 4 && isWhole && ReservedSlotsAreWrong(entries))
            findings.Add($"the L4 table {table} has something else in Xen's slots");
        for (var i = 0; i < held; i++)
        {
            var next = entries[i..held].IndexOfAnyExcept(0ul);
            if (next < 0)
                return;
            i += next;
            if (!EntryRules.IsGuestSlot(level, i) || !new PageTableEntry(entries[i]).IsPresent)
                continue;
            findings.Looked++;
            if (CountEntry(table, level, new PageTableEntry(entries[i]), isWhole) is { } wrong)
                findings.Add($"{table} (level {level}) entry {i} = 0x{entries[i]:x}: {wrong}");
        }
    }

    private string? CountEntry(Mfn table, int level, PageTableEntry entry, bool isWhole)
    {
        var target = entry.Frame;
        if (!IsGuestFrame(target))
            return "maps what is no guest's";
        if (!entry.IsUser)
            return "lacks the user bit";
        if (EntryRules.HasForbiddenFlags(level, entry))
            return "has flags that no guest may set";
        var owner = Row((int)table.Value).Owner;
        var theirs = Row((int)target.Value).Owner;
        if (level == 1)
        {
            _references[target.Value]++;
            if (entry.IsWritable)
                Use(target, FrameType.Writable, "a page table's entry");
            if (theirs != owner)
                NoteForeign(owner, target, entry.IsWritable ? 1 : 0, entry.IsWritable ? 0 : 1);
            return null;
        }
        if (theirs != owner)
            return $"refers to a table of {theirs}";
        if (ClaimedType(target) != EntryRules.TypeOf(level))
        {
            Hold(target, EntryRules.TypeOf(level - 1), "a page table's entry");
            // Below a whole table everything is whole.
            return isWhole && (Row((int)target.Value).Use & (PageTypes.Valid | PageTypes.Partial)) != PageTypes.Valid ? "the table below is not whole" : null;
        }
        if (entry.IsWritable)
            return "is a writable linear map";
        if (target != table)
            Hold(target, EntryRules.TypeOf(level), "a linear map");
        return null;
    }

    private bool ReservedSlotsAreWrong(Span<ulong> entries)
    {
        const ulong seen = PageTableEntry.Accessed | PageTableEntry.Dirty;
        const int first = EntryRules.FirstReservedSlot, last = EntryRules.LastReservedSlot;
        var xen = core.MachineToPhysical.L4Entry | seen;
        return (entries[first] | seen) != xen || (entries[first + 1] | seen) != xen || entries[(first + 2)..(last + 1)].ContainsAnyExcept(0ul);
    }

    private void CompareForeign()
    {
        foreach (var ((mapper, frame), (writable, readOnly)) in _foreign)
        {
            if (writable > 0 || readOnly > 0)
                findings.Add($"{mapper} maps {new Mfn(frame)} of another domain, and no grant allows it ({writable} writable, {readOnly} read-only too many)");
        }
    }

    private void CompareCounts()
    {
        for (var frame = _reserved; frame < _frames; frame++)
        {
            ref var row = ref Row(frame);
            if ((int)(row.Count & FrameTable.ReferenceMask) != _references[frame])
                findings.Add($"{new Mfn((ulong)frame)} of {row.Owner} has {row.Count & FrameTable.ReferenceMask} references, and {_references[frame]} are held (use 0x{row.Use:x})");
            else if ((int)(row.Use & PageTypes.CountMask) != _uses[frame])
                findings.Add($"{new Mfn((ulong)frame)} of {row.Owner} has {row.Use & PageTypes.CountMask} uses as {TypeOf(row.Use)}, and {_uses[frame]} are held (use 0x{row.Use:x})");
        }
    }

    /// <summary>A domain's own list of frames, and what it says of their number.</summary>
    private void CompareLists(Domain domain)
    {
        ulong listed = 0, shared = 0;
        uint previous = 0;
        foreach (var mfn in core.Frames.List(domain))
        {
            // A domain at its end has a second list.
            if (mfn.Value == domain.FirstPassed)
                previous = 0;
            ref var row = ref Row((int)mfn.Value);
            if (row.Owner != domain.Id || row.Count == 0 || row.Previous != previous || (row.Count & FrameTable.XenFrame) != 0)
            {
                findings.Add($"{domain.Id}'s list of frames is wrong at {mfn} of {row.Owner}");
                return;
            }
            previous = (uint)mfn.Value;
            if (++listed > (ulong)_frames)
            {
                findings.Add($"{domain.Id}'s list of frames has no end");
                return;
            }
        }
        for (var frame = _reserved; frame < _frames; frame++)
        {
            if ((Row(frame).Count & FrameTable.XenFrame) != 0 && Row(frame).Owner == domain.Id)
                shared++;
        }
        if (listed != domain.TotalPages)
            findings.Add($"{domain.Id} has {listed} frames, and counts {domain.TotalPages}");
        if (shared != (ulong)Volatile.Read(ref domain.XenFrames))
            findings.Add($"{domain.Id} shares {shared} frames with the hypervisor, and counts {Volatile.Read(ref domain.XenFrames)}");
    }
}
