using Pv.Abi;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Tracing;

/// <summary>
/// Debug keys (<c>XEN_SYSCTL_debug_keys</c>, <c>xl debug-keys</c>): each writes what it is about to the hypervisor's log. The letters are Xen's; a letter
/// that is none is named in the log. Called under the control lock, so domains neither come nor go meanwhile; they run on, so lines are of moments.
/// </summary>
internal static class DebugKeys
{
    /// <summary>Most lines of one table (ports, grants) of a domain: a guest with many shall not push everything else out of the log.</summary>
    private const int LongestTable = 64;

    private const char AllKeys = '*';

    private static readonly (char Key, string Dumps, Action<HypervisorCore> Dump)[] All =
    [
        ('e', "dump event channel info", DumpPorts),
        ('g', "print grant table usage", DumpGrants),
        ('h', "show this message", DumpHelp),
        ('k', "check the accounts of frames, event channels and grants", CheckAccounts),
        ('m', "memory info", DumpMemory),
        ('q', "dump domain (and guest debug) info", DumpDomains),
        ('r', "dump run queues", DumpRunQueues),
        ('s', "dump softtsc stats", DumpCounters),
    ];

    public static void Press(HypervisorCore core, char key)
    {
        if (key == AllKeys)
        {
            core.Log.Write($"'{AllKeys}' pressed -> firing all diagnostic keyhandlers");
            foreach (var (one, _, _) in All)
                Press(core, one);
            return;
        }
        foreach (var (known, dumps, dump) in All)
        {
            if (known != key)
                continue;
            core.Log.Write($"'{key}' pressed -> {(known == 'h' ? "showing installed handlers" : dumps)} (now = {core.Clock.Now})");
            dump(core);
            return;
        }
        core.Log.Write(char.IsControl(key) ? $"key 0x{(int)key:x2} is no debug key; 'h' lists them" : $"'{key}' is no debug key; 'h' lists them");
    }

    private static void DumpHelp(HypervisorCore core)
    {
        foreach (var (key, dumps, _) in All)
            core.Log.Write($" key '{key}' (ascii '{(int)key:x2}') => {dumps}");
    }

    private static void DumpDomains(HypervisorCore core)
    {
        foreach (var domain in core.Domains.Snapshot())
        {
            var id = domain.Id.Value;
            core.Log.Write($"General information for domain {id}:");
            core.Log.Write($"    dying={(int)domain.Life} pause_count={domain.ToolstackPauses}{(domain.Shutdown is { } reason ? $" shutdown={(uint)reason}" : "")}");
            core.Log.Write($"    nr_pages={domain.TotalPages} xenheap_pages={Volatile.Read(ref domain.XenFrames)} max_pages={domain.MaxPages}");
            core.Log.Write($"    handle={domain.Handle} vm_assist={domain.VmAssist:x8} pool={domain.Pool.Id}");
            core.Log.Write($"VCPU information and callbacks for domain {id}:");
            foreach (var vcpu in domain.OnlineVcpus)
                DumpVcpu(core, vcpu);
        }
        foreach (var vcpu in core.Domains.Snapshot().Where(domain => !domain.IsDying).SelectMany(domain => domain.OnlineVcpus))
            AskGuest(core, vcpu);
    }

    /// <summary>A guest that has bound the interrupt for it tells of itself, on its own console.</summary>
    private static void AskGuest(HypervisorCore core, Vcpu vcpu)
    {
        core.Log.Write($"Notifying guest {vcpu.Domain.Id.Value}:{vcpu.Id.Value} (virq {(uint)VirtualIrq.Debug})");
        vcpu.Domain.Events.RaiseVirq(VirtualIrq.Debug, vcpu.Id);
    }

    private static void DumpVcpu(HypervisorCore core, Vcpu vcpu)
    {
        var (hard, soft) = core.Scheduler.AffinityOf(vcpu);
        core.Log.Write($"  UNIT{vcpu.Id.Value} affinities: hard={{{Set(core, hard)}}} soft={{{Set(core, soft)}}}");
        var line = $"    VCPU{vcpu.Id.Value}: CPU{core.Scheduler.PCpuOf(vcpu)} [has={(core.Scheduler.IsRunning(vcpu) ? 'T' : 'F')}] poll={vcpu.PolledPort}";
        // A dying domain's pages may be another's already.
        if (!vcpu.Domain.IsDying)
            line += $" upcall_pend={vcpu.Info.UpcallPending:x2} upcall_mask={vcpu.Info.UpcallMask:x2}";
        core.Log.Write(line);
        core.Log.Write($"    {(vcpu.IsInitialised ? "" : "not initialised, ")}{(vcpu.IsOnline ? vcpu.IsBlocked ? "blocked" : "runnable" : "offline")}");
    }

    private static void DumpPorts(HypervisorCore core)
    {
        foreach (var domain in core.Domains.Snapshot())
        {
            core.Log.Write($"Event channel information for domain {domain.Id.Value}: {domain.Events.OpenPorts} open");
            var lines = 0;
            for (uint port = 1; ; port++)
            {
                var status = default(EventChannelStatus);
                if (domain.Events.GetStatus(new EventPort(port), ref status) != Errno.None)
                    break;
                if (status.State == EventChannelState.Closed)
                    continue;
                if (++lines > LongestTable)
                {
                    core.Log.Write($"    and more, which are left out after {LongestTable}");
                    break;
                }
                core.Log.Write($"    {port,4} [{(domain.Events.IsPending(new EventPort(port)) ? '1' : '0')}]: s={(uint)status.State} n={status.Vcpu.Value} {PeerOf(status)}".TrimEnd());
            }
        }
    }

    private static string PeerOf(in EventChannelStatus status) => status.State switch
    {
        EventChannelState.Unbound => $"d={status.UnboundDomain.Value}",
        EventChannelState.Interdomain => $"d={status.RemoteDomain.Value} p={status.RemotePort.Value}",
        EventChannelState.Virq => $"v={(uint)status.Virq}",
        _ => "",
    };

    private static void DumpGrants(HypervisorCore core)
    {
        foreach (var domain in core.Domains.Snapshot())
        {
            var table = domain.Grants;
            var used = table.ListUsed();
            core.Log.Write($"grant-table for remote d{domain.Id.Value} (v{table.Version})");
            core.Log.Write($"  {table.FrameCount} frames ({table.MaxFrames} max), {used.Count} entries in use");
            foreach (var (reference, user, mfn, pins) in used.Take(LongestTable))
                core.Log.Write($"[{reference,5}] d{user.Value} mfn 0x{mfn.Value:x} pins {pins}");
            if (used.Count > LongestTable)
                core.Log.Write($"  and more, which are left out after {LongestTable}");
        }
    }

    /// <summary>The time-stamp counters: one for all, which is the machine's time.</summary>
    private static void DumpCounters(HypervisorCore core)
    {
        core.Log.Write("TSC marked as reliable, warp = 0 (count=0)");
        var guests = core.Domains.Snapshot().Where(domain => domain.Kind != DomainKind.Control).ToList();
        foreach (var domain in guests)
        {
            var (mode, incarnation) = domain.Tsc;
            core.Log.Write($"dom{domain.Id.Value}: mode={mode},khz={PvClock.TscKilohertz},inc={incarnation}");
        }
        if (guests.Count == 0)
            core.Log.Write("No domains have emulated TSC");
    }

    private static void CheckAccounts(HypervisorCore core)
    {
        var findings = new MachineAudit(core).StopAndLook();
        core.Log.Write($"{findings.Looked} frames, entries, ports and grants: {(findings.AreNone ? "all accounts are right" : $"{findings.Count} findings")}");
        foreach (var finding in findings.Words)
            core.Log.Write($"    {finding}");
    }

    private static void DumpMemory(HypervisorCore core)
    {
        const int ToKib = PageSize.Shift - 10;
        core.Log.Write("Physical memory information:");
        core.Log.Write($"    total: {core.Memory.FrameCount << ToKib} KiB");
        core.Log.Write($"    free: {core.FreeFrames << ToKib} KiB");
        foreach (var domain in core.Domains.Snapshot())
            core.Log.Write($"    domain {domain.Id.Value}: {domain.TotalPages << ToKib} KiB");
    }

    private static void DumpRunQueues(HypervisorCore core)
    {
        for (uint from = 0; core.Scheduler.DescribePool(from, out var pool) == Errno.None; from = pool.Id + 1)
        {
            core.Log.Write($"Cpupool {pool.Id}: cpus={{{Set(core, pool.Cpus)}}} scheduler {pool.Scheduler}, {pool.Domains} domains");
            foreach (var domain in core.Domains.Snapshot().Where(domain => domain.Pool.Id == pool.Id))
            {
                foreach (var vcpu in domain.OnlineVcpus)
                {
                    var clock = core.Scheduler.Snapshot(vcpu);
                    core.Log.Write(
                        $"    d{domain.Id.Value}v{vcpu.Id.Value} on CPU{core.Scheduler.PCpuOf(vcpu)} {clock.State.ToString().ToLowerInvariant()}: running {clock.Running} runnable {clock.Runnable} blocked {clock.Blocked} ns");
                }
            }
        }
        for (var cpu = 0; cpu < core.Scheduler.PCpuCount; cpu++)
            core.Log.Write($"CPU{cpu}: idle {core.Scheduler.IdleTime(cpu)} ns");
    }

    /// <summary>A set of pCPUs as Xen writes it: 0-1, 3.</summary>
    private static string Set(HypervisorCore core, ulong cpus)
    {
        var runs = new List<string>();
        for (var cpu = 0; cpu < core.Scheduler.PCpuCount; cpu++)
        {
            if ((cpus >> cpu & 1) == 0)
                continue;
            var first = cpu;
            while (cpu + 1 < core.Scheduler.PCpuCount && (cpus >> (cpu + 1) & 1) != 0)
                cpu++;
            runs.Add(cpu > first ? $"{first}-{cpu}" : $"{first}");
        }
        return string.Join(',', runs);
    }
}
