using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Domains;

/// <summary><c>XEN_DOMCTL_createdomain</c>: judges what the toolstack wants, and says what it got.</summary>
internal static class DomctlCreation
{
    // XEN_X86_EMU_*: of the devices that Xen can emulate a paravirtualized domain may have the interval timer, which no kernel of today asks.
    private const uint IntervalTimer = 1 << 8, KnownEmulation = (1 << 11) - 1;

    // XEN_X86_MSR_RELAXED: registers that are not there read as zero. Here the toolstack has no such wish.
    private const uint RelaxedMsrs = 1 << 0;

    public static HypercallResult Handle(ref HypercallContext call, ref DomId id, ref DomctlCreateDomain create)
    {
        var isHardwareAssisted = (create.Flags & DomainCreateFlags.Hvm) != 0;
        if (Judge(create, isHardwareAssisted) is not Errno.None and var refused)
            return refused;
        // An auto-translated domain is what Xen calls hardware assisted; C# guests are such.
        var kind = isHardwareAssisted ? DomainKind.Managed : DomainKind.Paravirtualized;
        var limits = new DomainLimits(
            (int)Math.Min(create.MaxVcpus, int.MaxValue), Math.Min(create.MaxEventChannelPort, FifoEvents.ChannelCount - 1),
            create.MaxGrantFrames < 0 ? DomainLimits.Default.MaxGrantFrames : (uint)create.MaxGrantFrames,
            create.MaxMapTrackFrames < 0 ? DomainLimits.Default.MaxMaptrackFrames : (uint)create.MaxMapTrackFrames,
            create.GrantOptions, (create.Arch.MiscellaneousFlags & AsyncHypercalls.CreateFlag) != 0);
        DomId? wanted = id.Value is 0 or >= DomId.FirstReserved ? null : id;
        var handle = new Guid(create.Handle.Bytes, bigEndian: true);
        if (DomainCreation.TryCreate(call.Core, wanted, kind, limits, handle, create.CpuPoolId, out var domain) is not Errno.None and var error)
            return error;
        id = domain!.Id;
        domain.IsXenStore = (create.Flags & DomainCreateFlags.XenStoreDomain) != 0;
        // Xen says that pages of tables are never out of step where it does not shadow them.
        if ((create.Flags & DomainCreateFlags.Hap) == 0)
            create.Flags |= DomainCreateFlags.OutOfSyncOff;
        return HypercallResult.Success;
    }

    private static Errno Judge(in DomctlCreateDomain create, bool isHardwareAssisted)
    {
        const DomainCreateFlags known = DomainCreateFlags.Hvm | DomainCreateFlags.Hap | DomainCreateFlags.OutOfSyncOff | DomainCreateFlags.XenStoreDomain;
        if ((create.Flags & ~known) != 0 || (!isHardwareAssisted && (create.Flags & DomainCreateFlags.Hap) != 0)
            || create.IommuOptions != 0 || create.VmTraceSize != 0
            || create.GrantOptions is 0 or > DomainLimits.HighestGrantVersion
            || create.MaxGrantFrames is 0 || create.MaxGrantFrames > DomainLimits.Default.MaxGrantFrames
            || create.MaxMapTrackFrames > DomainLimits.Default.MaxMaptrackFrames
            || (create.Arch.MiscellaneousFlags & ~(RelaxedMsrs | AsyncHypercalls.CreateFlag)) != 0
            || (create.Arch.EmulationFlags & ~KnownEmulation) != 0)
            return Errno.EINVAL;
        return (create.Arch.EmulationFlags & ~IntervalTimer) != 0 ? Errno.EOPNOTSUPP : Errno.None;
    }
}
