using Pv.Abi;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Grants;

// What an audit looks at. Nothing changes meanwhile.
internal sealed partial class GrantTable
{
    /// <summary>Whether the domain maps a frame by some grant, however many there are to look at.</summary>
    internal bool HasMapOf(Mfn mfn)
    {
        using (Lock.Hold())
            return _maps.Exists(map => map?.Mfn == mfn);
    }

    /// <summary>Tells of the frames that the table's entries in use hold, and of the maps that the domain holds of others'.</summary>
    internal void CountFrames(FrameAudit frames)
    {
        using (Lock.Hold())
        {
            foreach (var (reference, use) in _active.List())
            {
                if (!use.IsPassedOn)
                    frames.CountGrant(_domain.Id, reference.Value, use.Mfn, use.WritablePins);
            }
            foreach (var map in _maps)
            {
                if (map is { } held)
                    frames.CountMap(_domain.Id, held.Mfn, held.ReadOnly);
            }
        }
    }

    /// <summary>Counts for each granter and entry how often this domain maps it.</summary>
    internal void CountMaps(Dictionary<(DomId Granter, uint Ref), GrantUses> counts, AuditFindings findings)
    {
        using (Lock.Hold())
        {
            var free = 0;
            foreach (var map in _maps)
            {
                findings.Looked++;
                if (map is not { } held)
                {
                    free++;
                    continue;
                }
                var key = (held.Granter, held.Ref.Value);
                var uses = counts.GetValueOrDefault(key);
                counts[key] = uses with { Maps = uses.Maps + 1, Writable = uses.Writable + (held.ReadOnly ? 0 : 1) };
                if (_domain.PhysicalMap is { } physical
                    && (physical.Get(Pfn.OfAddress(held.HostAddress), out var mfn) != (held.ReadOnly ? Memory.PhysicalMapKind.ReadOnlyGrant : Memory.PhysicalMapKind.Grant) || mfn != held.Mfn))
                    findings.Add($"{_domain.Id} maps {held.Granter}'s grant {held.Ref.Value}, and its physical map does not");
            }
            if (!_closed && (free != _freeHandles.Count || _freeHandles.Distinct().Count() != free || _freeHandles.Any(handle => handle >= (uint)_maps.Count || _maps[(int)handle] is not null)))
                findings.Add($"{_domain.Id} has {free} free handles among {_maps.Count}, and a list of {_freeHandles.Count}");
            if (_domain.Life == DomainLife.Dead && _maps.Count != 0)
                findings.Add($"{_domain.Id} is at its end, and still maps grants");
            if (_maps.Count > _maxMaptrackFrames * MapsPerFrame)
                findings.Add($"{_domain.Id} holds {_maps.Count} maps of grants, beyond its limit");
        }
    }

    /// <summary>Whether each entry is in use as often as it is mapped, and the table's size is as it may be.</summary>
    internal void Audit(Dictionary<(DomId Granter, uint Ref), GrantUses> counts, AuditFindings findings)
    {
        using (Lock.Hold())
        {
            var inUse = 0;
            foreach (var (reference, use) in _active.List())
            {
                findings.Looked++;
                if (reference.Value >= ReservedGrants.Count)
                    inUse++;
                // Maps that are left are of entries that are in no use, and found by who counted them.
                counts.Remove((_domain.Id, reference.Value), out var mapped);
                if (use.Pins != mapped.Maps || use.WritablePins != mapped.Writable)
                    findings.Add($"{_domain.Id}'s grant {reference.Value} is in use {use.Pins} times ({use.WritablePins} writable), and mapped {mapped.Maps} times ({mapped.Writable})");
            }
            if (inUse != _active.InUse)
                findings.Add($"{_domain.Id} has {inUse} grants in use, and counts {_active.InUse}");
            if (_closed)
                return;
            if ((uint)_entries.FrameCount > MaxFrames)
                findings.Add($"{_domain.Id}'s grant table has {_entries.FrameCount} frames of {MaxFrames}");
            if (_entries.Version == 1 ? _entries.StatusFrameCount != 0 : !_entries.HasStatusForAll)
                findings.Add($"{_domain.Id}'s grant table of version {_entries.Version} has {_entries.StatusFrameCount} status frames");
        }
    }

    /// <summary>A number that changes when the accounting of grants does.</summary>
    internal ulong Fingerprint()
    {
        var print = (ulong)_entries.Version << 32 | (uint)_entries.FrameCount;
        foreach (var (reference, use) in _active.List())
            print = print * 31 + (uint)use.Pins * 5ul + (uint)use.WritablePins * 3ul + reference.Value * 7ul;
        return print * 31 + (ulong)(_maps.Count - _freeHandles.Count);
    }
}

/// <summary>How often a grant is mapped, and how often so that the mapper may write.</summary>
internal readonly record struct GrantUses(int Maps, int Writable);
