using Pv.Abi;
using Pv.Hypervisor;
using Pv.Hypervisor.Domains;

namespace Pv.Tests.Advisories;

/// <summary>What the hypervisor has counted: of each frame its owner, uses and references, of each domain its memory, ports and grants in use.</summary>
internal sealed class FrameAccounts
{
    private readonly (ulong Use, ulong Count, DomId Owner, int Linear)[] _frames;
    private readonly Dictionary<string, long> _domains = [];
    private readonly ulong _free;

    private FrameAccounts(HypervisorCore core)
    {
        _free = core.FreeFrames;
        _frames = new (ulong, ulong, DomId, int)[core.Frames.Length];
        for (ulong frame = 0; frame < core.Frames.Length; frame++)
        {
            ref var row = ref core.Frames[new Mfn(frame)];
            // What a frame nobody uses was last is no account.
            _frames[frame] = ((uint)row.Use == 0 ? 0 : row.Use, row.Count, row.Count == 0 ? default : row.Owner, row.LinearCount);
        }
        foreach (var domain in core.Domains.Snapshot())
            Count(domain);
    }

    public static FrameAccounts Take(HypervisorCore core) => new(core);

    /// <summary>What differs from earlier accounts, or null.</summary>
    public string? DifferenceFrom(FrameAccounts earlier)
    {
        if (_free != earlier._free)
            return $"{_free} frames are free, and {earlier._free} were";
        for (var frame = 0; frame < _frames.Length; frame++)
        {
            if (_frames[frame] != earlier._frames[frame])
                return $"frame {frame:x}: {Show(earlier._frames[frame])} became {Show(_frames[frame])}";
        }
        foreach (var (what, count) in _domains)
        {
            if (earlier._domains.GetValueOrDefault(what, -1) != count)
                return $"{what}: {earlier._domains.GetValueOrDefault(what, -1)} became {count}";
        }
        return _domains.Count == earlier._domains.Count ? null : "a domain is gone";
    }

    private void Count(Domain domain)
    {
        _domains[$"{domain.Id}: pages"] = (long)domain.TotalPages;
        _domains[$"{domain.Id}: limit"] = (long)domain.MaxPages;
        _domains[$"{domain.Id}: shared frames"] = domain.XenFrames;
        _domains[$"{domain.Id}: ports"] = domain.Events.OpenPorts;
        _domains[$"{domain.Id}: grant frames"] = domain.Grants.FrameCount;
        _domains[$"{domain.Id}: status frames"] = domain.Grants.StatusFrameCount;
        foreach (var (reference, user, mfn, pins) in domain.Grants.ListUsed())
            _domains[$"{domain.Id}: grant {reference} to {user}, {mfn}"] = pins;
    }

    private static string Show((ulong Use, ulong Count, DomId Owner, int Linear) row) => $"{row.Owner} use {row.Use:x} count {row.Count:x} linear {row.Linear}";
}
