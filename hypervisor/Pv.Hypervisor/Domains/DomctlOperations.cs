using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Domains;

/// <summary><c>domctl</c>: what the toolstack does with one domain. Dom0's alone; one at a time.</summary>
internal static class DomctlOperations
{
    /// <summary>Pauses of one domain at once, as Xen counts them.</summary>
    private const int MostPauses = 255;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.First, out Domctl control))
            return Errno.EFAULT;
        if (control.InterfaceVersion != Domctl.CurrentInterfaceVersion)
            return Errno.EACCES;
        if (!call.Caller.IsPrivileged)
            return Refuse(ref call, control);
        using (call.Core.ControlLock.Hold())
        {
            var result = Dispatch(ref call, ref control);
            return !result.Failed && !call.TryWrite(call.Arguments.First, control) ? Errno.EFAULT : result;
        }
    }

    private static HypercallResult Dispatch(ref HypercallContext call, ref Domctl control)
    {
        if (control.Operation == DomctlOperation.CreateDomain)
            return Create(ref call, ref control);
        if (control.Operation == DomctlOperation.GetDomainInfo)
            return GetInfo(ref call, ref control);
        if (call.Core.Domains.Find(control.Domain) is not { } domain)
            return Errno.ESRCH;
        return control.Operation switch
        {
            DomctlOperation.DestroyDomain => Destroy(domain),
            DomctlOperation.PauseDomain => Pause(domain),
            DomctlOperation.UnpauseDomain => Unpause(domain),
            DomctlOperation.ResumeDomain => Resume(domain),
            DomctlOperation.MaxMemory => SetMaxMemory(domain, As<DomctlMaxMemory>(ref control)),
            DomctlOperation.MaxVcpus => SetMaxVcpus(domain, As<DomctlMaxVcpus>(ref control)),
            DomctlOperation.SetVcpuContext => SetContext(ref call, domain, As<DomctlVcpuContext>(ref control)),
            DomctlOperation.GetVcpuContext => GetContext(ref call, domain, As<DomctlVcpuContext>(ref control)),
            DomctlOperation.GetVcpuInfo => GetVcpuInfo(call.Core, domain, ref As<DomctlGetVcpuInfo>(ref control)),
            DomctlOperation.SendTrigger => SendTrigger(domain, As<DomctlSendTrigger>(ref control)),
            DomctlOperation.SetDomainHandle => SetHandle(domain, As<DomctlSetDomainHandle>(ref control)),
            DomctlOperation.SetTimeOffset => SetTimeOffset(domain, As<DomctlSetTimeOffset>(ref control)),
            DomctlOperation.SchedulerOp => DomctlScheduling.Handle(ref call, domain, ref As<DomctlSchedulerOp>(ref control)),
            DomctlOperation.SetVcpuAffinity or DomctlOperation.GetVcpuAffinity
                => DomctlScheduling.Affinity(ref call, domain, As<DomctlVcpuAffinity>(ref control), control.Operation == DomctlOperation.SetVcpuAffinity),
            _ => Errno.ENOSYS,
        };
    }

    /// <summary>What a domU hears: some operations are judged, or are found to be absent, before it is asked who calls.</summary>
    private static HypercallResult Refuse(ref HypercallContext call, in Domctl control)
    {
        var (operation, id) = (control.Operation, control.Domain);
        if (operation == DomctlOperation.CreateDomain)
            return Errno.EPERM;
        if (operation == DomctlOperation.GetDomainInfo && id.Value >= DomId.FirstReserved)
            return Errno.EINVAL;
        if (call.Core.Domains.Find(id) is not { } domain)
            return Errno.ESRCH;
        return operation switch
        {
            DomctlOperation.SetTarget when domain == call.Caller => Errno.EOPNOTSUPP,
            DomctlOperation.SetTarget or DomctlOperation.IoPortPermission or DomctlOperation.BindPtIrq or DomctlOperation.MemoryMapping
                or DomctlOperation.UnbindPtIrq => Errno.EINVAL,
            DomctlOperation.IoPortMapping or DomctlOperation.GetDeviceGroup => Errno.EOPNOTSUPP,
            _ => Errno.EPERM,
        };
    }

    private static ref T As<T>(ref Domctl control) where T : unmanaged
        => ref MemoryMarshal.AsRef<T>((Span<byte>)control.Argument);

    private static HypercallResult Create(ref HypercallContext call, ref Domctl control)
    {
        ref var create = ref As<DomctlCreateDomain>(ref control);
        const DomainCreateFlags known = DomainCreateFlags.Hvm | DomainCreateFlags.Hap | DomainCreateFlags.OutOfSyncOff;
        if ((create.Flags & ~known) != 0 || create.GrantOptions is 0 or > DomainLimits.HighestGrantVersion)
            return Errno.EINVAL;
        // An auto-translated domain is what Xen calls hardware assisted; C# guests are such.
        var kind = (create.Flags & DomainCreateFlags.Hvm) != 0 ? DomainKind.Managed : DomainKind.Paravirtualized;
        var limits = new DomainLimits(
            (int)Math.Min(create.MaxVcpus, int.MaxValue), Math.Min(create.MaxEventChannelPort, FifoEvents.ChannelCount - 1),
            create.MaxGrantFrames < 0 ? DomainLimits.Default.MaxGrantFrames : (uint)create.MaxGrantFrames,
            create.MaxMapTrackFrames < 0 ? DomainLimits.Default.MaxMaptrackFrames : (uint)create.MaxMapTrackFrames,
            create.GrantOptions, (create.Arch.MiscellaneousFlags & AsyncHypercalls.CreateFlag) != 0);
        DomId? wanted = control.Domain.Value is 0 or >= DomId.FirstReserved ? null : control.Domain;
        var handle = new Guid(create.Handle.Bytes, bigEndian: true);
        if (DomainCreation.TryCreate(call.Core, wanted, kind, limits, handle, create.CpuPoolId, out var domain) is not Errno.None and var error)
            return error;
        control.Domain = domain!.Id;
        return HypercallResult.Success;
    }

    private static HypercallResult Destroy(Domain domain)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        return DomainDestruction.Continue(domain) == Errno.ERESTART ? HypercallResult.Again : HypercallResult.Success;
    }

    /// <summary>Pauses add up: each wants an unpause of its own.</summary>
    private static HypercallResult Pause(Domain domain)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        if (domain.ToolstackPauses == MostPauses)
            return Errno.EOVERFLOW;
        domain.ToolstackPauses++;
        domain.Pause();
        return HypercallResult.Success;
    }

    private static HypercallResult Unpause(Domain domain)
    {
        if (domain.ToolstackPauses == 0 || domain.IsDying)
            return Errno.EINVAL;
        domain.ToolstackPauses--;
        domain.Unpause();
        return HypercallResult.Success;
    }

    private static HypercallResult Resume(Domain domain)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        domain.Resume();
        return HypercallResult.Success;
    }

    private static HypercallResult SetTimeOffset(Domain domain, in DomctlSetTimeOffset offset)
    {
        domain.TimeOffset = offset.OffsetSeconds;
        // The shared page of a dead domain may be another's.
        if (!domain.IsDying)
            PvClock.WriteWallClock(domain);
        return HypercallResult.Success;
    }

    private static HypercallResult SetMaxMemory(Domain domain, in DomctlMaxMemory memory)
    {
        using (domain.PageLock.Hold())
            domain.MaxPages = memory.MaxMemoryKib >> (PageSize.Shift - 10);
        return HypercallResult.Success;
    }

    private static HypercallResult SetMaxVcpus(Domain domain, in DomctlMaxVcpus vcpus)
    {
        if (vcpus.Max != domain.Vcpus.Length || domain.IsDying)
            return Errno.EINVAL;
        for (uint i = 0; i < vcpus.Max; i++)
        {
            if (domain.Vcpus[i] is null)
                DomainCreation.AddVcpu(domain, new VcpuId(i));
        }
        return HypercallResult.Success;
    }

    private static HypercallResult SetContext(ref HypercallContext call, Domain domain, in DomctlVcpuContext set)
    {
        // Dom0's own code is this process, and no pCPU may come to run it.
        if (domain.Kind == DomainKind.Control || domain.IsDying)
            return Errno.EINVAL;
        if (set.Vcpu.Value >= (uint)domain.Vcpus.Length || domain.Vcpus[set.Vcpu.Value] is not { } vcpu)
            return Errno.EINVAL;
        if (!call.TryRead(set.Context, out VcpuGuestContext context))
            return Errno.EFAULT;
        domain.Pause();
        var error = VcpuContexts.TrySet(vcpu, in context, call.Preemptible);
        domain.Unpause();
        return error == Errno.ERESTART ? HypercallResult.Again : error;
    }

    private static HypercallResult GetContext(ref HypercallContext call, Domain domain, in DomctlVcpuContext get)
    {
        if (get.Vcpu.Value >= (uint)domain.Vcpus.Length || domain.Vcpus[get.Vcpu.Value] is not { } vcpu)
            return Errno.ESRCH;
        if (!vcpu.IsInitialised)
            return Errno.ENODATA;
        if (domain.Kind != DomainKind.Paravirtualized)
            return Errno.EOPNOTSUPP;
        domain.Pause();
        VcpuContexts.Get(vcpu, out var context);
        domain.Unpause();
        return call.TryWrite(get.Context, context) ? HypercallResult.Success : Errno.EFAULT;
    }

    private static HypercallResult GetVcpuInfo(HypervisorCore core, Domain domain, ref DomctlGetVcpuInfo info)
    {
        if (info.Vcpu.Value >= (uint)domain.Vcpus.Length || domain.Vcpus[info.Vcpu.Value] is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind == DomainKind.Control)
        {
            // Dom0 runs on threads that no scheduler of ours knows; its time is the process's, and it is always at it.
            info = info with { Online = 1, Running = 1, CpuTime = DomainInformation.Dom0Time(core.Scheduler) };
            return HypercallResult.Success;
        }
        info.Online = (byte)(vcpu.IsOnline ? 1 : 0);
        info.Blocked = (byte)(vcpu.IsBlocked ? 1 : 0);
        info.Running = (byte)(core.Scheduler.IsRunning(vcpu) ? 1 : 0);
        info.CpuTime = core.Scheduler.Snapshot(vcpu).Running;
        info.Cpu = (uint)core.Scheduler.PCpuOf(vcpu);
        return HypercallResult.Success;
    }

    /// <summary>Hardware's signals; a paravirtualized domain has no buttons, and knows of these the NMI alone.</summary>
    private static HypercallResult SendTrigger(Domain domain, in DomctlSendTrigger send)
    {
        if (send.Trigger is DomainTrigger.Power or DomainTrigger.Sleep)
            return Errno.EINVAL;
        if (send.Trigger != DomainTrigger.Nmi)
            return Errno.ENOSYS;
        if (send.Vcpu.Value >= (uint)domain.Vcpus.Length || domain.Vcpus[send.Vcpu.Value] is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind != DomainKind.Paravirtualized)
            return Errno.ENOSYS;
        vcpu.RaiseNmi();
        return HypercallResult.Success;
    }

    private static HypercallResult SetHandle(Domain domain, in DomctlSetDomainHandle set)
    {
        domain.Handle = new Guid((ReadOnlySpan<byte>)set.Handle.Bytes, bigEndian: true);
        return HypercallResult.Success;
    }

    private static HypercallResult GetInfo(ref HypercallContext call, ref Domctl control)
    {
        // Xen answers for the first domain at or after the number; the caller compares.
        if (call.Core.Domains.FindFrom(control.Domain) is not { } domain)
            return Errno.ESRCH;
        As<DomctlGetDomainInfo>(ref control) = DomainInformation.Of(domain);
        control.Domain = domain.Id;
        return HypercallResult.Success;
    }
}
