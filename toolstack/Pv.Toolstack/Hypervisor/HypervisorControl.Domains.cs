using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <content>One domain (<c>public/domctl.h</c>).</content>
public sealed partial class HypervisorControl
{
    /// <summary>Domains asked for at once.</summary>
    private const int ListPart = 256;

    /// <summary>Makes a domain without memory; its number is the next free one.</summary>
    public Errno CreateDomain(DomctlCreateDomain create, out DomId domain)
    {
        domain = new DomId(0);
        return Domctl(DomctlOperation.CreateDomain, ref domain, ref create);
    }

    public Errno DestroyDomain(DomId domain) => Domctl(DomctlOperation.DestroyDomain, domain);

    public Errno PauseDomain(DomId domain) => Domctl(DomctlOperation.PauseDomain, domain);

    public Errno UnpauseDomain(DomId domain) => Domctl(DomctlOperation.UnpauseDomain, domain);

    /// <summary>Lets a domain that has shut down run on.</summary>
    public Errno ResumeDomain(DomId domain) => Domctl(DomctlOperation.ResumeDomain, domain);

    public void SetMaxVcpus(DomId domain, uint vcpus)
    {
        var argument = new DomctlMaxVcpus { Max = vcpus };
        Domctl(DomctlOperation.MaxVcpus, domain, ref argument).OrThrow("XEN_DOMCTL_max_vcpus");
    }

    public void SetMaxMemory(DomId domain, ulong kibibytes)
    {
        var argument = new DomctlMaxMemory { MaxMemoryKib = kibibytes };
        Domctl(DomctlOperation.MaxMemory, domain, ref argument).OrThrow("XEN_DOMCTL_max_mem");
    }

    /// <summary>Sets a domain's wall clock off the host's.</summary>
    public void SetTimeOffset(DomId domain, long seconds)
    {
        var argument = new DomctlSetTimeOffset { OffsetSeconds = seconds };
        Domctl(DomctlOperation.SetTimeOffset, domain, ref argument).OrThrow("XEN_DOMCTL_settimeoffset");
    }

    public void SetVcpuContext(DomId domain, VcpuId vcpu, VcpuGuestContext context)
    {
        VcpuGuestContext[] contexts = [context];
        using var pin = HostPin.Of(contexts);
        var argument = new DomctlVcpuContext { Vcpu = vcpu, Context = pin.Address };
        Domctl(DomctlOperation.SetVcpuContext, domain, ref argument).OrThrow("XEN_DOMCTL_setvcpucontext");
    }

    public Errno SendTrigger(DomId domain, DomainTrigger trigger, VcpuId vcpu)
    {
        var argument = new DomctlSendTrigger { Trigger = trigger, Vcpu = vcpu };
        return Domctl(DomctlOperation.SendTrigger, domain, ref argument);
    }

    public Errno SetHandle(DomId domain, Guid handle)
    {
        var argument = default(DomctlSetDomainHandle);
        handle.TryWriteBytes(argument.Handle.Bytes, bigEndian: true, out _);
        return Domctl(DomctlOperation.SetDomainHandle, domain, ref argument);
    }

    /// <summary>What the hypervisor knows of a vCPU; null when there is none of that number.</summary>
    public DomctlGetVcpuInfo? GetVcpuInfo(DomId domain, VcpuId vcpu)
    {
        var info = new DomctlGetVcpuInfo { Vcpu = vcpu };
        return Domctl(DomctlOperation.GetVcpuInfo, domain, ref info) == Errno.None ? info : null;
    }

    /// <summary>The state of a vCPU; null when there is none of that number, or it never had one.</summary>
    public VcpuGuestContext? GetVcpuContext(DomId domain, VcpuId vcpu)
    {
        var contexts = new VcpuGuestContext[1];
        using var pin = HostPin.Of(contexts);
        var argument = new DomctlVcpuContext { Vcpu = vcpu, Context = pin.Address };
        return Domctl(DomctlOperation.GetVcpuContext, domain, ref argument) == Errno.None ? contexts[0] : null;
    }

    /// <summary>What the hypervisor knows of a domain; null when there is none of that number.</summary>
    public DomctlGetDomainInfo? GetDomainInfo(DomId domain)
    {
        var info = default(DomctlGetDomainInfo);
        var found = domain;
        // Xen answers for the next domain when there is none of that number.
        return Domctl(DomctlOperation.GetDomainInfo, ref found, ref info) == Errno.None && found == domain ? info : null;
    }

    /// <summary>What it knows of all of them, by number.</summary>
    public IReadOnlyList<DomctlGetDomainInfo> ListDomains()
    {
        var all = new List<DomctlGetDomainInfo>();
        var part = new DomctlGetDomainInfo[ListPart];
        using var pin = HostPin.Of(part);
        var first = DomId.Dom0;
        while (true)
        {
            var list = new SysctlGetDomainInfoList { FirstDomain = first, MaxDomains = ListPart, Buffer = pin.Address };
            Sysctl(SysctlOperation.GetDomainInfoList, ref list).OrThrow("XEN_SYSCTL_getdomaininfolist");
            all.AddRange(part.AsSpan(0, (int)list.NumDomains));
            if (list.NumDomains < ListPart)
                return all;
            first = new DomId((ushort)(all[^1].Domain.Value + 1));
        }
    }
}
