using Pv.Abi;
using Pv.Hypervisor.Scheduling;

namespace Pv.Hypervisor.Domains;

/// <summary>What <c>XEN_DOMCTL_getdomaininfo</c> tells of a domain.</summary>
internal static class DomainInformation
{
    // XEN_INVALID_MAX_VCPU_ID: it has none yet.
    private const uint InvalidVcpuId = uint.MaxValue;

    // How Xen says that it has not shut down.
    private const DomainInfoFlags NoReason = (DomainInfoFlags)(0xffffu << DomainInfo.ShutdownShift);

    public static DomctlGetDomainInfo Of(Domain domain)
    {
        var scheduler = domain.Core.Scheduler;
        var info = new DomctlGetDomainInfo
        {
            Domain = domain.Id,
            TotalPages = domain.TotalPages,
            MaxPages = domain.MaxPages,
            OutstandingPages = domain.ClaimedPages,
            SharedInfoFrame = domain.SharedInfo.Value,
            GuestAddressBits = 39,
            CpuPool = domain.Pool.Id,
            MaxVcpuId = InvalidVcpuId,
        };
        domain.Handle.TryWriteBytes(info.Handle.Bytes, bigEndian: true, out _);
        var (running, allBlocked) = (false, true);
        foreach (var vcpu in domain.OnlineVcpus)
        {
            info.MaxVcpuId = vcpu.Id.Value;
            if (domain.Kind == DomainKind.Control)
            {
                info.OnlineVcpuCount++;
                running = true;
                continue;
            }
            info.CpuTime += scheduler.Snapshot(vcpu).Running;
            if (!vcpu.IsOnline)
                continue;
            info.OnlineVcpuCount++;
            allBlocked &= vcpu.IsBlocked;
            running |= scheduler.IsRunning(vcpu);
        }
        info.CpuTime += scheduler.ServiceTime(domain);
        if (domain.Kind == DomainKind.Control)
            info.CpuTime = Dom0Time(scheduler);
        info.Flags = Flags(domain, running, allBlocked, info.OnlineVcpuCount > 0);
        return info;
    }

    /// <summary>Dom0's time is what the process used beyond the guests' (host threads, the timekeeper, the runtime itself).</summary>
    public static ulong Dom0Time(Scheduler scheduler)
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var total = (ulong)process.TotalProcessorTime.Ticks * 100;
        return total - Math.Min(total, scheduler.GuestTime);
    }

    private static DomainInfoFlags Flags(Domain domain, bool running, bool allBlocked, bool isOnline)
    {
        var flags = DomainInfoFlags.None;
        var shutdown = domain.Shutdown;
        if (domain.Life == DomainLife.Dead)
            flags |= DomainInfoFlags.Dying;
        if (domain.Kind == DomainKind.Managed)
            flags |= DomainInfoFlags.HvmGuest;
        if (domain.ToolstackPauses > 0)
            flags |= DomainInfoFlags.Paused;
        if (running)
            flags |= DomainInfoFlags.Running;
        // The vCPU that ended the domain waits for nothing.
        else if (allBlocked && isOnline && shutdown is null)
            flags |= DomainInfoFlags.Blocked;
        if (domain.IsXenStore)
            flags |= DomainInfoFlags.XenStoreDomain;
        if (domain.IsDebugged)
            flags |= DomainInfoFlags.Debugged;
        flags |= shutdown is { } reason ? DomainInfoFlags.Shutdown | (DomainInfoFlags)((uint)reason << DomainInfo.ShutdownShift) : NoReason;
        return flags;
    }
}
