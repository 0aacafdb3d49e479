using System.Buffers.Binary;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary>The parts of <c>domctl</c> that tell and set a vCPU's state: its context, what has no room in that, and what it is sent.</summary>
internal static class DomctlVcpuStates
{
    // struct xen_domctl_ext_vcpucontext: where the state of machine checks begins, and what of it is the registers' description.
    private const int MachineCheckAt = 32, CapabilityBytes = sizeof(ulong);

    // Of IA32_MCG_CAP a guest may have been told the number of banks, and no capability.
    private const ulong BankCountMask = 0xff;

    // What stands before the save area: XCR0, and all that it ever was.
    private const int SaveAreaHead = 2 * sizeof(ulong), LegacyBytes = 512, MaskBytes = 64, SaveAreaBytes = SaveAreaHead + LegacyBytes + MaskBytes;

    // Registers that a vCPU may carry along: speculation control, faulting CPUID, TSC_AUX, and AMD's four breakpoint masks.
    private const uint CarriedMsrs = 7, MiscFeatures = 0x140, TscAux = 0xc000_0103;

    public static HypercallResult SetContext(ref HypercallContext call, Domain domain, in DomctlVcpuContext set)
    {
        // Dom0's own code is this process, and no pCPU may come to run it.
        if (domain.Kind == DomainKind.Control || domain.IsDying || domain.FindVcpu(set.Vcpu) is not { } vcpu)
            return Errno.EINVAL;
        if (set.Context == 0)
            return Reset(vcpu);
        if (!call.TryRead(set.Context, out VcpuGuestContext context))
            return Errno.EFAULT;
        domain.Pause();
        var error = VcpuContexts.TrySet(vcpu, in context, call.Preemptible);
        domain.Unpause();
        return error == Errno.ERESTART ? HypercallResult.Again : error;
    }

    public static HypercallResult GetContext(ref HypercallContext call, Domain domain, in DomctlVcpuContext get)
    {
        if (domain.FindVcpu(get.Vcpu) is not { } vcpu)
            return Errno.EINVAL;
        if (!vcpu.IsInitialised)
            return Errno.ENODATA;
        if (domain.Kind != DomainKind.Paravirtualized)
            return Errno.EOPNOTSUPP;
        domain.Pause();
        VcpuContexts.Get(vcpu, out var context);
        domain.Unpause();
        return call.TryWrite(get.Context, context) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>No context: the vCPU is as it was made, down and without a state.</summary>
    private static HypercallResult Reset(Vcpu vcpu)
    {
        if (vcpu.Domain.Kind != DomainKind.Paravirtualized)
            return Errno.EOPNOTSUPP;
        vcpu.Domain.Pause();
        vcpu.IsOnline = false;
        vcpu.Domain.Core.PageTypes.ReleaseVcpu(vcpu);
        vcpu.Domain.Unpause();
        return HypercallResult.Success;
    }

    public static HypercallResult GetExtended(Domain domain, ref DomctlExtendedVcpuContext extended)
    {
        if (domain.FindVcpu(extended.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        var traps = vcpu.Traps;
        extended.Size = DomctlExtendedVcpuContext.WireSize;
        (extended.Syscall32CallbackRip, extended.Syscall32CallbackCs) = (traps.Syscall32.Address, traps.Syscall32Cs);
        (extended.SysenterCallbackRip, extended.SysenterCallbackCs) = (traps.Sysenter.Address, traps.SysenterCs);
        extended.Syscall32DisablesEvents = (byte)(traps.Syscall32.MasksEvents ? 1 : 0);
        extended.SysenterDisablesEvents = (byte)(traps.Sysenter.MasksEvents ? 1 : 0);
        Span<byte> machineCheck = extended.MachineCheck;
        machineCheck.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(machineCheck, traps.MachineCheckCapabilities);
        return HypercallResult.Success;
    }

    public static HypercallResult SetExtended(Domain domain, in DomctlExtendedVcpuContext extended)
    {
        if (domain.FindVcpu(extended.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (extended.Size < MachineCheckAt || !PageWalker.IsCanonical(extended.Syscall32CallbackRip) || !PageWalker.IsCanonical(extended.SysenterCallbackRip))
            return Errno.EINVAL;
        var withCapabilities = extended.Size >= MachineCheckAt + CapabilityBytes;
        var capabilities = BinaryPrimitives.ReadUInt64LittleEndian(((ReadOnlySpan<byte>)extended.MachineCheck)[..CapabilityBytes]);
        if (withCapabilities && (capabilities & ~BankCountMask) != 0)
            return Errno.EINVAL;
        domain.Pause();
        var traps = vcpu.Traps;
        (traps.Syscall32Cs, traps.SysenterCs) = (VcpuContexts.InRing3(extended.Syscall32CallbackCs), VcpuContexts.InRing3(extended.SysenterCallbackCs));
        traps.Syscall32 = new GuestCallback(extended.Syscall32CallbackRip, extended.Syscall32DisablesEvents != 0);
        traps.Sysenter = new GuestCallback(extended.SysenterCallbackRip, extended.SysenterDisablesEvents != 0);
        if (withCapabilities)
            traps.MachineCheckCapabilities = capabilities;
        domain.Unpause();
        return HypercallResult.Success;
    }

    /// <summary>The state that XSAVE stores, behind XCR0 and what it may be. Without a buffer its size is told.</summary>
    public static HypercallResult GetSaveArea(ref HypercallContext call, Domain domain, ref DomctlVcpuExtendedState state)
    {
        if (domain.FindVcpu(state.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind != DomainKind.Paravirtualized)
            return Errno.EINVAL;
        if (state.Buffer == 0 || (state.Size == 0 && state.FeatureMask == 0))
        {
            (state.Size, state.FeatureMask) = (SaveAreaBytes, GuestRegisters.X87AndSse);
            return HypercallResult.Success;
        }
        if (state.Size != SaveAreaBytes || state.FeatureMask != GuestRegisters.X87AndSse)
            return Errno.EINVAL;
        Span<byte> area = stackalloc byte[SaveAreaBytes];
        area.Clear();
        domain.Pause();
        BinaryPrimitives.WriteUInt64LittleEndian(area, vcpu.Registers.ActiveXcr0);
        BinaryPrimitives.WriteUInt64LittleEndian(area[sizeof(ulong)..], GuestRegisters.X87AndSse);
        ((ReadOnlySpan<byte>)vcpu.Registers.Fx).CopyTo(area[SaveAreaHead..]);
        BinaryPrimitives.WriteUInt64LittleEndian(area[(SaveAreaHead + LegacyBytes)..], GuestRegisters.X87AndSse);
        domain.Unpause();
        return call.TryWrite(state.Buffer, area) ? HypercallResult.Success : Errno.EFAULT;
    }

    public static HypercallResult SetSaveArea(ref HypercallContext call, Domain domain, in DomctlVcpuExtendedState state)
    {
        if (domain.FindVcpu(state.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind != DomainKind.Paravirtualized || state.Size < SaveAreaHead || state.Size > (state.FeatureMask == 0 ? 0u : SaveAreaBytes))
            return Errno.EINVAL;
        Span<byte> area = stackalloc byte[SaveAreaBytes];
        area.Clear();
        if (!call.TryRead(state.Buffer, area[..(int)state.Size]))
            return Errno.EFAULT;
        var xcr0 = BinaryPrimitives.ReadUInt64LittleEndian(area);
        var accumulated = BinaryPrimitives.ReadUInt64LittleEndian(area[sizeof(ulong)..]);
        var header = area[(SaveAreaHead + LegacyBytes)..];
        var present = BinaryPrimitives.ReadUInt64LittleEndian(header);
        if ((xcr0 & GuestRegisters.X87) == 0 || (xcr0 & ~accumulated) != 0 || (accumulated & ~GuestRegisters.X87AndSse) != 0
            || (present & ~accumulated) != 0 || header[sizeof(ulong)..].ContainsAnyExcept((byte)0))
            return Errno.EINVAL;
        domain.Pause();
        vcpu.Registers.Xcr0 = xcr0;
        // What the image says is not in use is as after a reset.
        FloatingPointReset.Apply(ref vcpu.Registers);
        if (present != 0)
            area.Slice(SaveAreaHead, LegacyBytes).CopyTo(vcpu.Registers.Fx);
        domain.Unpause();
        return HypercallResult.Success;
    }

    /// <summary>The registers that are not zero. Without a list it is told how long one may get.</summary>
    public static HypercallResult GetMsrs(ref HypercallContext call, Domain domain, ref DomctlVcpuMsrs msrs)
    {
        if (domain.FindVcpu(msrs.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        if (msrs.Msrs == 0)
        {
            msrs.MsrCount = CarriedMsrs;
            return HypercallResult.Success;
        }
        var room = msrs.MsrCount;
        msrs.MsrCount = vcpu.Traps.TscAux == 0 ? 0u : 1u;
        if (msrs.MsrCount > room)
            return Errno.ENOBUFS;
        return msrs.MsrCount == 0 || call.TryWrite(msrs.Msrs, new DomctlVcpuMsr { Index = TscAux, Value = vcpu.Traps.TscAux }) ? HypercallResult.Success : Errno.EFAULT;
    }

    /// <summary>Sets registers until one is refused; then the count says which.</summary>
    public static HypercallResult SetMsrs(ref HypercallContext call, Domain domain, ref DomctlVcpuMsrs msrs)
    {
        if (domain.FindVcpu(msrs.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        for (uint i = 0; i < msrs.MsrCount; i++)
        {
            var error = !call.TryRead(msrs.Msrs + (i * (ulong)DomctlVcpuMsr.WireSize), out DomctlVcpuMsr msr) ? Errno.EFAULT : Set(vcpu, msr);
            if (error == Errno.None)
                continue;
            msrs.MsrCount = i;
            return DomctlOperations.RefuseWithAnswer(ref call, msrs, error);
        }
        return HypercallResult.Success;
    }

    private static Errno Set(Vcpu vcpu, in DomctlVcpuMsr msr)
    {
        if (msr.Reserved != 0)
            return Errno.EINVAL;
        switch (msr.Index)
        {
            case MiscFeatures:
                // CPUID does not fault at a kernel's wish.
                return msr.Value == 0 ? Errno.None : Errno.EINVAL;
            case TscAux when msr.Value <= uint.MaxValue:
                vcpu.Traps.TscAux = (uint)msr.Value;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>Hardware's signals; a paravirtualized domain has no buttons, and knows of these the NMI alone.</summary>
    public static HypercallResult SendTrigger(Domain domain, in DomctlSendTrigger send)
    {
        if (domain.FindVcpu(send.Vcpu) is not { } vcpu)
            return Errno.ESRCH;
        if (send.Trigger is DomainTrigger.Power or DomainTrigger.Sleep)
            return Errno.EINVAL;
        if (send.Trigger != DomainTrigger.Nmi || domain.Kind != DomainKind.Paravirtualized)
            return Errno.ENOSYS;
        vcpu.RaiseNmi();
        return HypercallResult.Success;
    }
}
