using System.Buffers.Binary;
using Pv.Abi;

namespace Pv.Hypervisor.Hypercalls;

/// <summary>
/// Operations of <c>domctl</c> and <c>sysctl</c> about what is not here: devices, hardware assistance, hardware that measures or saves power. They answer
/// as Xen does of a paravirtualized domain, or of a machine, that has none of it; where Xen can be built without, as one that is.
/// </summary>
internal static class AbsentControls
{
    // An operation that was once, and of which Xen says more than that it is not there.
    private const DomctlOperation OldIoPorts = (DomctlOperation)23;

    private const uint VmEventVersion = 7, GetVmEventVersion = 3;

    // XEN_DOMCTL_MONITOR_OP_*, XEN_DOMCTL_PSR_*.
    private const uint MonitorEnable = 0, MonitorDisable = 1, GetMonitorCapabilities = 2, EmulateEachRepetition = 3, ControlRegister = 4, DomctlPsrCommands = 10, SysctlPsrCommands = 3;

    // struct xen_sysctl_pm_op: commands about frequencies are of one category; struct xen_sysctl_get_pmstat: the processor, then what of it.
    private const uint PowerCategory = 0xf0, FrequencyCategory = 0x10, CpuStates = 1;

    private const int MonitorEventsAt = sizeof(uint), VmEventVersionAt = 2 * sizeof(uint), MappedFrameAt = sizeof(ulong), MappedCountAt = 2 * sizeof(ulong);

    /// <summary>What is asked of no domain in particular, by a number that no domain has.</summary>
    public static Errno OfNoDomain(DomctlOperation operation, DomId domain) => operation switch
    {
        DomctlOperation.AssignDevice or DomctlOperation.DeassignDevice when domain == DomId.Io => Errno.EOPNOTSUPP,
        DomctlOperation.TestAssignDevice when domain == DomId.Invalid => Errno.EOPNOTSUPP,
        _ => Errno.None,
    };

    public static HypercallResult Domctl(DomctlOperation operation, Span<byte> argument) => operation switch
    {
        OldIoPorts or DomctlOperation.GetHvmContext or DomctlOperation.SetHvmContext or DomctlOperation.GetHvmContextPartial or DomctlOperation.BindPtIrq
            or DomctlOperation.UnbindPtIrq or DomctlOperation.SetBrokenPageP2m or DomctlOperation.VmTraceOp or DomctlOperation.SoftReset
            or DomctlOperation.DebugOp => Errno.EINVAL,
        DomctlOperation.SetAccessRequired => HypercallResult.Success,
        DomctlOperation.IoPortMapping or DomctlOperation.GetDeviceGroup or DomctlOperation.AssignDevice or DomctlOperation.TestAssignDevice
            or DomctlOperation.DeassignDevice or DomctlOperation.GetPagingPoolSize or DomctlOperation.SetPagingPoolSize => Errno.EOPNOTSUPP,
        DomctlOperation.PsrCmtOp => Errno.ENODEV,
        DomctlOperation.PsrAlloc => First(argument) < DomctlPsrCommands ? Errno.ENODEV : Errno.EOPNOTSUPP,
        DomctlOperation.MemoryMapping => MapMemory(argument),
        DomctlOperation.VmEventOp => VmEvent(argument),
        DomctlOperation.MonitorOp => Monitor(argument),
        _ => Errno.ENOSYS,
    };

    public static HypercallResult Sysctl(SysctlOperation operation, Span<byte> argument) => operation switch
    {
        SysctlOperation.GetPowerStatistics => First(argument[sizeof(uint)..]) == CpuStates ? Errno.ENODEV : Errno.EINVAL,
        SysctlOperation.CoverageOp => Errno.EOPNOTSUPP,
        SysctlOperation.PsrCmtOp => Errno.ENODEV,
        SysctlOperation.PsrAlloc => First(argument) < SysctlPsrCommands ? Errno.ENODEV : Errno.EOPNOTSUPP,
        _ => Errno.ENOSYS,
    };

    /// <summary>No pCPU's speed or sleep is the hypervisor's: the host's kernel sees to that.</summary>
    public static HypercallResult Power(ReadOnlySpan<byte> argument, uint pcpus)
    {
        var cpu = BinaryPrimitives.ReadUInt32LittleEndian(argument[sizeof(uint)..]);
        return cpu >= pcpus || (First(argument) & PowerCategory) == FrequencyCategory ? Errno.EINVAL : Errno.ENOSYS;
    }

    /// <summary>Nobody has memory of devices that could be mapped.</summary>
    private static HypercallResult MapMemory(ReadOnlySpan<byte> argument)
    {
        var (frame, count) = (BinaryPrimitives.ReadUInt64LittleEndian(argument[MappedFrameAt..]), BinaryPrimitives.ReadUInt64LittleEndian(argument[MappedCountAt..]));
        return count == 0 || frame + count - 1 < frame ? Errno.EINVAL : Errno.EPERM;
    }

    private static HypercallResult VmEvent(Span<byte> argument)
    {
        if (First(argument) != GetVmEventVersion)
            return Errno.ENOSYS;
        BinaryPrimitives.WriteUInt32LittleEndian(argument[VmEventVersionAt..], VmEventVersion);
        return HypercallResult.Success;
    }

    private static HypercallResult Monitor(Span<byte> argument)
    {
        switch (First(argument))
        {
            case GetMonitorCapabilities:
                BinaryPrimitives.WriteUInt32LittleEndian(argument[MonitorEventsAt..], 0);
                return HypercallResult.Success;
            case EmulateEachRepetition:
                return Errno.EINVAL;
            case ControlRegister:
                return HypercallResult.Success;
            default:
                return Errno.EOPNOTSUPP;
        }
    }

    private static uint First(ReadOnlySpan<byte> argument) => BinaryPrimitives.ReadUInt32LittleEndian(argument);
}
