using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Domains;

/// <summary>
/// Takes a domain apart, whatever state it died in: stops it, closes its ports, drops its mappings, its page tables and its frames. Frames
/// that others still hold keep the dead domain in the table until they are given back.
/// </summary>
/// <remarks>
/// It is done in stretches, each under the control lock, by whoever calls: a caller that gives up half-way leaves a dying domain, and the next one goes on
/// from there. Between two stretches the accounts are right.
/// </remarks>
internal sealed class DomainDestruction
{
    // Frames of one stretch: each is gone over, and then freed.
    private const int FramesAtOnce = StretchBudget.Entries / 2;

    // What a vCPU or the service of a queue holds beside page tables: descriptors of GDT and LDT, shared frames.
    private const int HeldByVcpu = 64;

    private readonly Domain _domain;
    private readonly StretchBudget _budget = new();
    private readonly Func<Errno>[] _steps;
    private int _step, _nextService, _nextVcpu;
    private ulong _nextMapped;

    private DomainDestruction(Domain domain)
    {
        _domain = domain;
        _steps = [Stop, StopServices, () => domain.Events.Destroy(_budget), ReleaseVcpus, () => domain.Grants.Destroy(_budget), ReleaseMap, ReleaseTables,
            () => domain.Core.Frames.FreeRetired(domain, _budget), ReleaseFrames, Finish];
    }

    /// <summary>Does all of it.</summary>
    public static void Destroy(Domain domain)
    {
        while (Continue(domain) == Errno.ERESTART)
        {
        }
    }

    /// <summary>Begins, or goes on, for one stretch. <see cref="Errno.ERESTART"/> while something is left.</summary>
    public static Errno Continue(Domain domain)
    {
        if (domain.Kind == DomainKind.Control)
            throw new InvalidOperationException("Domain 0 ends with the machine.");
        var destruction = domain.Destruction ??= new DomainDestruction(domain);
        return destruction.Continue();
    }

    private Errno Continue()
    {
        _budget.Renew();
        while (_step < _steps.Length)
        {
            if (_steps[_step]() == Errno.ERESTART || (++_step < _steps.Length && _budget.IsSpent))
            {
                _domain.Core.Meter?.Look();
                return Errno.ERESTART;
            }
        }
        return Errno.None;
    }

    private Errno Stop()
    {
        _domain.Enter(DomainLife.Dying);
        _domain.Pause();
        _domain.Core.ForgetHandler(_domain);
        foreach (var vcpu in _domain.OnlineVcpus)
        {
            vcpu.Timers.CancelAll();
            vcpu.IsOnline = false;
            _domain.Core.Scheduler.SleepSync(vcpu);
        }
        _domain.Watchdogs.CancelAll();
        _domain.Core.Frames.Claim(_domain, 0);
        return Errno.None;
    }

    private Errno StopServices()
    {
        for (; _nextService < _domain.Services.Length; _nextService++)
        {
            if (_budget.IsSpent)
                return Errno.ERESTART;
            if (_domain.Services[_nextService] is not { } service)
                continue;
            service.Queue!.TearDown(_budget);
            _budget.Spend(HeldByVcpu);
        }
        _domain.HasStopped = true;
        return Errno.None;
    }

    private Errno ReleaseVcpus()
    {
        for (; _nextVcpu < _domain.Vcpus.Length; _nextVcpu++)
        {
            if (_budget.IsSpent)
                return Errno.ERESTART;
            if (_domain.Vcpus[_nextVcpu] is not { } vcpu)
                continue;
            vcpu.ReleaseInfo();
            vcpu.Engine?.Dispose();
            if (_domain.Kind == DomainKind.Paravirtualized)
                _domain.Core.PageTypes.ReleaseVcpu(vcpu, _budget);
            _budget.Spend(HeldByVcpu);
        }
        return Errno.None;
    }

    /// <summary>Empties the map: the domain may stay in the table for long, and its frames become others'.</summary>
    private Errno ReleaseMap()
    {
        if (_domain.PhysicalMap is not { } map)
            return Errno.None;
        while (!_budget.IsSpent)
        {
            var found = map.TryFindMapped(ref _nextMapped, _budget.Left, out var looks);
            _budget.Spend(looks + (found ? 1 : 0));
            _domain.Core.Meter?.Count(looks);
            if (found)
                Clear(map, new Pfn(_nextMapped));
            else if (_nextMapped >= map.End)
                return Errno.None;
        }
        return Errno.ERESTART;
    }

    private void Clear(PhysicalMap map, Pfn pfn)
    {
        PhysicalMapKind kind;
        Mfn mfn;
        using (_domain.PageLock.Hold())
        {
            kind = map.Get(pfn, out mfn);
            map.Clear(pfn);
        }
        if (kind == PhysicalMapKind.Foreign)
            _domain.Core.Frames.Put(mfn);
    }

    private Errno ReleaseTables() => _domain.Core.PageTypes.ReleaseAll(_domain, _budget);

    /// <summary>Drops the allocation of every frame. Those that nobody else holds are free at once.</summary>
    private Errno ReleaseFrames()
    {
        var (core, frames) = (_domain.Core, _domain.Core.Frames);
        Span<Mfn> held = stackalloc Mfn[FramesAtOnce];
        while (!_budget.IsSpent)
        {
            if (_domain.FirstFrame == 0)
                return Errno.None;
            var passed = frames.PassOver(_domain, Math.Max(1, _budget.Left / 2), 0, held, out var count);
            _budget.Spend(passed + count);
            // Neighbours go back to the host together.
            held[..count].Sort();
            using var batch = frames.BeginDiscardBatch();
            foreach (var mfn in held[..count])
            {
                core.MachineToPhysical[mfn] = Pfn.Invalid;
                frames.DropAllocation(mfn);
                frames.Put(mfn);
            }
        }
        return Errno.ERESTART;
    }

    private Errno Finish()
    {
        var core = _domain.Core;
        foreach (var vcpu in _domain.OnlineVcpus)
            core.Scheduler.Remove(vcpu);
        _domain.Engine?.Dispose();
        core.Frames.ReleaseXenFrame(_domain.SharedInfo);
        core.Scheduler.Leave(_domain);
        _domain.Enter(DomainLife.Dead);
        // Dom0's daemons hold the rings of the dead mapped; they let go when they hear of it.
        core.RaiseGlobal(VirtualIrq.DomainException);
        _domain.FrameFreed();
        return Errno.None;
    }
}
