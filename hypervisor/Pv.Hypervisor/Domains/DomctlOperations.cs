using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Time;
using Pv.Hypervisor.Traps;

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
            return DomctlCreation.Handle(ref call, ref control.Domain, ref As<DomctlCreateDomain>(ref control));
        if (control.Operation == DomctlOperation.GetDomainInfo)
            return GetInfo(ref call, ref control);
        if (AbsentControls.OfNoDomain(control.Operation, control.Domain) is not Errno.None and var absent)
            return absent;
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
            DomctlOperation.SetVcpuContext => DomctlVcpuStates.SetContext(ref call, domain, As<DomctlVcpuContext>(ref control)),
            DomctlOperation.GetVcpuContext => DomctlVcpuStates.GetContext(ref call, domain, As<DomctlVcpuContext>(ref control)),
            DomctlOperation.SetExtendedVcpuContext => DomctlVcpuStates.SetExtended(domain, As<DomctlExtendedVcpuContext>(ref control)),
            DomctlOperation.GetExtendedVcpuContext => DomctlVcpuStates.GetExtended(domain, ref As<DomctlExtendedVcpuContext>(ref control)),
            DomctlOperation.SetVcpuExtendedState => DomctlVcpuStates.SetSaveArea(ref call, domain, As<DomctlVcpuExtendedState>(ref control)),
            DomctlOperation.GetVcpuExtendedState => DomctlVcpuStates.GetSaveArea(ref call, domain, ref As<DomctlVcpuExtendedState>(ref control)),
            DomctlOperation.SetVcpuMsrs => DomctlVcpuStates.SetMsrs(ref call, domain, ref As<DomctlVcpuMsrs>(ref control)),
            DomctlOperation.GetVcpuMsrs => DomctlVcpuStates.GetMsrs(ref call, domain, ref As<DomctlVcpuMsrs>(ref control)),
            DomctlOperation.GetVcpuInfo => GetVcpuInfo(call.Core, domain, ref As<DomctlGetVcpuInfo>(ref control)),
            DomctlOperation.SendTrigger => DomctlVcpuStates.SendTrigger(domain, As<DomctlSendTrigger>(ref control)),
            DomctlOperation.SetDomainHandle => SetHandle(domain, As<DomctlSetDomainHandle>(ref control)),
            DomctlOperation.SetTimeOffset => SetTimeOffset(domain, As<DomctlSetTimeOffset>(ref control)),
            DomctlOperation.SchedulerOp => DomctlScheduling.Handle(ref call, domain, ref As<DomctlSchedulerOp>(ref control)),
            DomctlOperation.SetVcpuAffinity or DomctlOperation.GetVcpuAffinity
                => DomctlScheduling.Affinity(ref call, domain, As<DomctlVcpuAffinity>(ref control), control.Operation == DomctlOperation.SetVcpuAffinity),
            DomctlOperation.GetTscInfo => DomctlSettings.GetTscInfo(domain, ref As<DomctlTscInfo>(ref control)),
            DomctlOperation.SetTscInfo => DomctlSettings.SetTscInfo(domain, As<DomctlTscInfo>(ref control)),
            DomctlOperation.GetNodeAffinity => DomctlSettings.GetNodes(ref call, domain, As<DomctlNodeAffinity>(ref control)),
            DomctlOperation.SetNodeAffinity => DomctlSettings.SetNodes(ref call, domain, As<DomctlNodeAffinity>(ref control)),
            DomctlOperation.GetAddressSize => DomctlSettings.GetAddressSize(ref As<DomctlAddressSize>(ref control)),
            DomctlOperation.SetAddressSize => DomctlSettings.SetAddressSize(domain, As<DomctlAddressSize>(ref control)),
            DomctlOperation.SetDebugging => DomctlSettings.SetDebugging(domain, As<DomctlSetDebugging>(ref control)),
            DomctlOperation.SetVirqHandler => DomctlSettings.SetVirqHandler(domain, As<DomctlSetVirqHandler>(ref control)),
            DomctlOperation.SetTarget => DomctlSettings.SetTarget(call.Core, domain, As<DomctlSetTarget>(ref control)),
            DomctlOperation.Subscribe => DomctlSettings.Subscribe(domain, As<DomctlSubscribe>(ref control)),
            DomctlOperation.IrqPermission => DomctlSettings.Permit(As<DomctlIrqPermission>(ref control)),
            DomctlOperation.IoPortPermission => DomctlSettings.Permit(As<DomctlIoPortPermission>(ref control)),
            DomctlOperation.IoMemoryPermission => DomctlSettings.Permit(As<DomctlIoMemoryPermission>(ref control)),
            DomctlOperation.GetPageFrameInfo3 => DomctlFrames.Describe(ref call, domain, As<DomctlGetPageFrameInfo>(ref control)),
            DomctlOperation.HypercallInit => DomctlFrames.WriteStubs(domain, As<DomctlHypercallInit>(ref control)),
            DomctlOperation.ShadowOp => DomctlFrames.Shadow(domain, ref As<DomctlShadowOp>(ref control)),
            DomctlOperation.SetVnumaInfo => VirtualNodes.Set(ref call, domain, As<DomctlVnuma>(ref control)),
            DomctlOperation.GetCpuPolicy => CpuPolicies.Get(ref call, domain, ref As<DomctlCpuPolicy>(ref control)),
            DomctlOperation.SetCpuPolicy => CpuPolicies.Set(ref call, domain, As<DomctlCpuPolicy>(ref control)),
            _ => AbsentControls.Domctl(control.Operation, control.Argument),
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

    /// <summary>Refuses, and tells more of it in the argument, which is otherwise written only where nothing is refused.</summary>
    internal static Errno RefuseWithAnswer<T>(ref HypercallContext call, in T argument, Errno error) where T : unmanaged
        => call.TryWrite(call.Arguments.First + Domctl.ArgumentOffset, argument) ? error : Errno.EFAULT;

    private static ref T As<T>(ref Domctl control) where T : unmanaged
        => ref MemoryMarshal.AsRef<T>((Span<byte>)control.Argument);

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
        if (domain.ToolstackPauses == 0)
            return Errno.EINVAL;
        domain.ToolstackPauses--;
        domain.HasBeenUnpaused = true;
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
        // Xen counts pages in 32 bits here.
        using (domain.PageLock.Hold())
            domain.MaxPages = Math.Min(memory.MaxMemoryKib >> (PageSize.Shift - 10), uint.MaxValue);
        return HypercallResult.Success;
    }

    private static HypercallResult SetMaxVcpus(Domain domain, in DomctlMaxVcpus vcpus)
    {
        if (vcpus.Max != domain.Vcpus.Length)
            return Errno.EINVAL;
        for (uint i = 0; i < vcpus.Max; i++)
        {
            if (domain.Vcpus[i] is not null)
                continue;
            if (domain.IsDying)
                return Errno.EINVAL;
            DomainCreation.AddVcpu(domain, new VcpuId(i));
        }
        return HypercallResult.Success;
    }

    private static HypercallResult GetVcpuInfo(HypervisorCore core, Domain domain, ref DomctlGetVcpuInfo info)
    {
        if (domain.FindVcpu(info.Vcpu) is not { } vcpu)
            return Errno.EINVAL;
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

    private static HypercallResult SetHandle(Domain domain, in DomctlSetDomainHandle set)
    {
        domain.Handle = new Guid((ReadOnlySpan<byte>)set.Handle.Bytes, bigEndian: true);
        return HypercallResult.Success;
    }

    private static HypercallResult GetInfo(ref HypercallContext call, ref Domctl control)
    {
        // Xen answers for the first domain at or after the number; the caller compares.
        if (control.Domain.Value >= DomId.FirstReserved)
            return Errno.EINVAL;
        if (call.Core.Domains.FindFrom(control.Domain) is not { } domain)
            return Errno.ESRCH;
        As<DomctlGetDomainInfo>(ref control) = DomainInformation.Of(domain);
        control.Domain = domain.Id;
        return HypercallResult.Success;
    }
}
