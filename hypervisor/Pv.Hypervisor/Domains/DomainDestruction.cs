using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Domains;

/// <summary>
/// Takes a domain apart, whatever state it died in: stops it, closes its ports, drops its mappings, its page tables and its frames. Frames
/// that others still hold keep the dead domain in the table until they are given back.
/// </summary>
internal static class DomainDestruction
{
    public static void Destroy(Domain domain)
    {
        if (domain.Kind == DomainKind.Control)
            throw new InvalidOperationException("Domain 0 ends with the machine.");
        using (domain.PageLock.Hold())
        {
            if (domain.Life != DomainLife.Alive)
                return;
            domain.Enter(DomainLife.Dying);
        }
        domain.Pause();
        var core = domain.Core;
        foreach (var vcpu in domain.OnlineVcpus)
        {
            vcpu.Timers.CancelAll();
            vcpu.IsOnline = false;
            core.Scheduler.SleepSync(vcpu);
        }
        foreach (var service in domain.Services)
            service?.Queue!.TearDown(null);
        domain.HasStopped = true;
        domain.Watchdogs.CancelAll();
        domain.Events.Destroy();
        foreach (var vcpu in domain.OnlineVcpus)
        {
            vcpu.ReleaseInfo();
            vcpu.Engine?.Dispose();
            core.Scheduler.Remove(vcpu);
            if (domain.Kind == DomainKind.Paravirtualized)
                core.PageTypes.ReleaseVcpu(vcpu);
        }
        domain.Engine?.Dispose();
        domain.Grants.Destroy();
        if (domain.PhysicalMap is { } map)
            ReleaseMap(domain, map);
        core.Frames.Claim(domain, 0);
        core.PageTypes.ReleaseAll(domain);
        ReleaseFrames(domain);
        core.Frames.ReleaseXenFrame(domain.SharedInfo);
        core.Scheduler.Leave(domain);
        domain.Enter(DomainLife.Dead);
        // Dom0's daemons hold the rings of the dead mapped; they let go when they hear of it.
        core.RaiseGlobal(VirtualIrq.DomainException);
        domain.FrameFreed();
    }

    /// <summary>Empties the map: the domain may stay in the table for long, and its frames become others'.</summary>
    private static void ReleaseMap(Domain domain, PhysicalMap map)
    {
        foreach (var pfn in map.Mapped())
        {
            PhysicalMapKind kind;
            Mfn mfn;
            using (domain.PageLock.Hold())
            {
                kind = map.Get(pfn, out mfn);
                map.Clear(pfn);
            }
            if (kind == PhysicalMapKind.Foreign)
                domain.Core.Frames.Put(mfn);
        }
    }

    /// <summary>Drops the allocation of every frame. Those that nobody else holds are free at once.</summary>
    private static void ReleaseFrames(Domain domain)
    {
        var core = domain.Core;
        List<Mfn> frames = [];
        using (domain.PageLock.Hold())
        {
            for (var any = core.Frames.TryFirst(domain, out var mfn); any; any = core.Frames.TryNext(mfn, out mfn))
                frames.Add(mfn);
        }
        frames.Sort();
        using var batch = core.Frames.BeginDiscardBatch();
        foreach (var mfn in frames)
        {
            core.MachineToPhysical[mfn] = Pfn.Invalid;
            core.Frames.DropAllocation(mfn);
        }
    }
}
