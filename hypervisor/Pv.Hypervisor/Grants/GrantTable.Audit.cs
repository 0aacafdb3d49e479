using Pv.Abi;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Grants;

// What an audit looks at. Nothing changes meanwhile.
internal sealed partial class GrantTable
{
    /// <summary>Tells of the frames that the table's entries in use hold, and of the maps that the domain holds of others'.</summary>
    internal void CountFrames(FrameAudit frames)
    {
        using (Lock.Hold())
        {
            for (var i = 0; i < _active.Count; i++)
            {
                if (_active[i] is { Pins: > 0, IsPassedOn: false } active)
                    frames.CountGrant(_domain.Id, (uint)i, active.Mfn, active.WritablePins);
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
            for (var i = 0; i < _active.Count; i++)
            {
                var active = _active[i];
                var mapped = counts.Count == 0 ? default : counts.GetValueOrDefault((_domain.Id, (uint)i));
                if (active.Pins != mapped.Maps || active.WritablePins != mapped.Writable)
                    findings.Add($"{_domain.Id}'s grant {i} is in use {active.Pins} times ({active.WritablePins} writable), and mapped {mapped.Maps} times ({mapped.Writable})");
                counts.Remove((_domain.Id, (uint)i));
            }
            findings.Looked += (ulong)_active.Count;
            if (_closed)
                return;
            if (_entries.Count > (uint)_active.Count || (uint)_entries.FrameCount > MaxFrames)
                findings.Add($"{_domain.Id}'s grant table has {_entries.FrameCount} frames of {MaxFrames} and {_entries.Count} entries, and {_active.Count} can be used");
            if (_entries.Version == 1 ? _entries.StatusFrameCount != 0 : !_entries.HasStatusForAll)
                findings.Add($"{_domain.Id}'s grant table of version {_entries.Version} has {_entries.StatusFrameCount} status frames");
        }
    }

    /// <summary>A number that changes when the accounting of grants does.</summary>
    internal ulong Fingerprint()
    {
        var print = (ulong)_entries.Version << 32 | (uint)_entries.FrameCount;
        foreach (ref readonly var active in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_active))
            print = print * 31 + (uint)active.Pins * 5ul + (uint)active.WritablePins * 3ul;
        return print * 31 + (ulong)(_maps.Count - _freeHandles.Count);
    }
}

/// <summary>How often a grant is mapped, and how often so that the mapper may write.</summary>
internal readonly record struct GrantUses(int Maps, int Writable);
