using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Domains;

/// <summary>The parts of <c>domctl</c> that say what a domain shall be like.</summary>
internal static class DomctlSettings
{
    // TSC_MODE_*: as the machine does it, always by the hypervisor, never by it.
    private const uint NeverEmulated = 2;

    private const uint GuestBits = 64, OtherGuestBits = 32;

    private const ulong OnlineNodes = 1;

    // Domains may know of this many physical interrupts; Dom0 has none that it could pass on.
    private const uint MostPirqs = 256;

    private const uint IoPorts = 0x1_0000;

    /// <summary>The counter, which is the machine's time.</summary>
    public static HypercallResult GetTscInfo(Domain domain, ref DomctlTscInfo info)
    {
        var (mode, incarnation) = domain.Tsc;
        info = new DomctlTscInfo { TscMode = mode, Incarnation = incarnation };
        if (mode != NeverEmulated)
            (info.GuestTscKhz, info.ElapsedNanoseconds) = (PvClock.TscKilohertz, domain.Core.Clock.Now);
        return HypercallResult.Success;
    }

    /// <summary>The counter has one rate, whatever was chosen; another one is refused.</summary>
    public static HypercallResult SetTscInfo(Domain domain, in DomctlTscInfo info)
    {
        if (domain.Kind == DomainKind.Control || info.TscMode > NeverEmulated)
            return Errno.EINVAL;
        if (info.TscMode != NeverEmulated && info.GuestTscKhz is not (0 or PvClock.TscKilohertz))
            return Errno.EOPNOTSUPP;
        domain.Tsc = (info.TscMode, info.Incarnation + 1);
        return HypercallResult.Success;
    }

    public static HypercallResult GetNodes(ref HypercallContext call, Domain domain, in DomctlNodeAffinity affinity)
        => DomctlScheduling.TryWrite(ref call, affinity.NodeMap, domain.Nodes) ? HypercallResult.Success : Errno.EFAULT;

    public static HypercallResult SetNodes(ref HypercallContext call, Domain domain, in DomctlNodeAffinity affinity)
    {
        if (!DomctlScheduling.TryRead(ref call, affinity.NodeMap, out var nodes))
            return Errno.EFAULT;
        if ((nodes & OnlineNodes) == 0)
            return Errno.EINVAL;
        // All nodes: wherever its vCPUs are.
        domain.Nodes = nodes == ulong.MaxValue ? OnlineNodes : nodes;
        return HypercallResult.Success;
    }

    public static HypercallResult GetAddressSize(ref DomctlAddressSize size)
    {
        size.Size = GuestBits;
        return HypercallResult.Success;
    }

    public static HypercallResult SetAddressSize(Domain domain, in DomctlAddressSize size) => size.Size switch
    {
        GuestBits when domain.Kind != DomainKind.Control => HypercallResult.Success,
        GuestBits or OtherGuestBits => Errno.EOPNOTSUPP,
        _ => Errno.EINVAL,
    };

    public static HypercallResult SetDebugging(Domain domain, in DomctlSetDebugging debugging)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        domain.IsDebugged = debugging.Enable != 0;
        return HypercallResult.Success;
    }

    /// <summary>Sends a virtual interrupt of the machine to a domain instead of Dom0.</summary>
    public static HypercallResult SetVirqHandler(Domain domain, in DomctlSetVirqHandler handler)
    {
        if ((uint)handler.Virq >= VirtualIrqs.Count || !Events.EventChannels.IsGlobal(handler.Virq))
            return Errno.EINVAL;
        domain.Core.SetHandler(handler.Virq, domain);
        return HypercallResult.Success;
    }

    /// <summary>A domain that emulates devices for another one: no domain here can be the other.</summary>
    public static HypercallResult SetTarget(HypervisorCore core, Domain domain, in DomctlSetTarget target)
    {
        if (core.Domains.Find(target.Target) is not { } other)
            return Errno.ESRCH;
        return other == domain ? Errno.EINVAL : Errno.EOPNOTSUPP;
    }

    public static HypercallResult Subscribe(Domain domain, in DomctlSubscribe subscribe)
    {
        domain.SuspendPort = subscribe.Port;
        return HypercallResult.Success;
    }

    // Nobody can pass on what he has not: Dom0 has no interrupts, no ports and no memory of devices.
    public static HypercallResult Permit(in DomctlIrqPermission irq) => irq.Pirq >= MostPirqs ? Errno.EINVAL : Errno.EPERM;

    public static HypercallResult Permit(in DomctlIoPortPermission ports)
        => ports.PortCount == 0 || (ulong)ports.FirstPort + ports.PortCount > IoPorts ? Errno.EINVAL : Errno.EPERM;

    public static HypercallResult Permit(in DomctlIoMemoryPermission memory)
        => memory.MfnCount != 0 && memory.FirstMfn.Value + memory.MfnCount - 1 < memory.FirstMfn.Value ? Errno.EINVAL : Errno.EPERM;
}
