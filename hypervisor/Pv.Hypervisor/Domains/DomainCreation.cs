using Pv.Abi;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Domains;

/// <summary>Makes domains. What cannot be had is refused before anything exists.</summary>
internal static class DomainCreation
{
    public const int MaxVcpus = SharedInfoLimits.VcpuCount;

    /// <summary>Makes a domain without memory or vCPUs, as <c>XEN_DOMCTL_createdomain</c> does.</summary>
    public static Errno TryCreate(HypervisorCore core, DomId? wanted, DomainKind kind, DomainLimits limits, Guid handle, uint cpuPool, out Domain? domain)
    {
        domain = null;
        if (limits.MaxVcpus is < 1 or > MaxVcpus)
            return Errno.EINVAL;
        if ((kind == DomainKind.Managed ? core.ManagedEngine : core.ParavirtualizedEngine) is null && kind != DomainKind.Control)
            return Errno.EOPNOTSUPP;
        if (core.Scheduler.FindPool(cpuPool, out var pool) is not Errno.None and var noPool)
            return noPool;
        if (core.Domains.TryAdd(wanted, id => new Domain(core, id, kind, limits, pool!) { Handle = handle }, out domain) is not Errno.None and var error)
            return error;
        core.Scheduler.Enter(domain!);
        if (!core.Frames.TryAllocateXenFrame(domain!, out var shared))
        {
            core.Scheduler.Leave(domain!);
            core.Domains.Remove(domain!);
            return Errno.ENOMEM;
        }
        domain!.SharedInfo = shared;
        // A PV kernel finds no port masked, as from Xen's own builder.
        if (kind != DomainKind.Paravirtualized)
            core.Memory.At<SharedInfo>(shared.Address).Mask[..].Fill(ulong.MaxValue);
        PvClock.WriteWallClock(domain);
        if (kind != DomainKind.Paravirtualized)
            domain.Gate = new ManagedGate(domain);
        domain.Engine = kind switch
        {
            DomainKind.Managed => core.ManagedEngine!.CreateDomain(domain.Id),
            DomainKind.Paravirtualized => core.ParavirtualizedEngine!.CreateDomain(domain.Id),
            _ => null,
        };
        // Paused until the toolstack says otherwise.
        domain.ToolstackPauses = kind == DomainKind.Control ? 0 : 1;
        if (domain.ToolstackPauses > 0)
            domain.Pause();
        return Errno.None;
    }

    /// <summary>Makes a vCPU, down and without a state.</summary>
    public static void AddVcpu(Domain domain, VcpuId id)
    {
        var vcpu = new Vcpu(domain, id);
        vcpu.Engine = domain.Engine?.CreateVcpu(id, new VcpuHost(vcpu));
        vcpu.Info.UpcallMask = domain.Kind == DomainKind.Paravirtualized ? (byte)1 : (byte)0;
        PvClock.WriteTime(ref vcpu.Info.Time);
        domain.Vcpus[id.Value] = vcpu;
    }

    /// <summary>Makes domain 0: its own frames at pseudo-physical 0 on, one vCPU that no pCPU runs.</summary>
    public static ManagedGate CreateDom0(HypervisorCore core, ulong frames, uint maptrackFrames)
    {
        var limits = new DomainLimits(1, FifoEvents.ChannelCount - 1, DomainLimits.Default.MaxGrantFrames, maptrackFrames);
        if (TryCreate(core, DomId.Dom0, DomainKind.Control, limits, Guid.Empty, core.Scheduler.DefaultPool.Id, out var dom0) != Errno.None)
            throw new InvalidOperationException("The machine is too small for Dom0.");
        dom0!.MaxPages = frames;
        for (ulong i = 0; i < frames; i++)
        {
            if (core.Frames.TryAllocate(dom0, 0, out var mfn) != Errno.None)
                throw new InvalidOperationException("The machine is too small for Dom0.");
            core.MachineToPhysical[mfn] = new Pfn(i);
            dom0.PhysicalMap!.Set(new Pfn(i), PhysicalMapKind.Own, mfn);
        }
        AddVcpu(dom0, default);
        dom0.Gate!.InitialFrames = frames;
        WriteDom0Start(dom0, frames);
        return dom0.Gate;
    }

    /// <summary>Dom0's start page is its frame 0; its shared page is mapped behind its memory.</summary>
    private static void WriteDom0Start(Domain dom0, ulong frames)
    {
        var shared = new Pfn(frames);
        dom0.PhysicalMap!.Set(shared, PhysicalMapKind.Xen, dom0.SharedInfo);
        dom0.PhysicalMap.Get(dom0.Gate!.StartInfo, out var page);
        dom0.Core.Memory.At<StartInfo>(page.Address) = new StartInfo
        {
            PageCount = frames, SharedInfo = shared.Address, Flags = StartInfoFlags.Privileged | StartInfoFlags.InitialDomain,
        };
    }
}
