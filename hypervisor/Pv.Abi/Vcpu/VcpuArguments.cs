using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="VcpuOperation.RegisterRunstateMemoryArea"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_register_runstate_memory_area")]
public struct VcpuRegisterRunstateMemoryArea
{
    public const int WireSize = 8;

    /// <summary>Guest virtual address of a <see cref="VcpuRunstateInfo"/>; 0: stop.</summary>
    [Xen("addr")] public ulong Address;
}

/// <summary>Argument of <see cref="VcpuOperation.RegisterVcpuTimeMemoryArea"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_register_time_memory_area")]
public struct VcpuRegisterTimeMemoryArea
{
    public const int WireSize = 8;

    /// <summary>Guest virtual address of a <see cref="VcpuTimeInfo"/>; 0: stop.</summary>
    [Xen("addr")] public ulong Address;
}

/// <summary>Argument of <see cref="VcpuOperation.SetPeriodicTimer"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_set_periodic_timer")]
public struct VcpuSetPeriodicTimer
{
    public const int WireSize = 8;

    /// <summary>In nanoseconds.</summary>
    [Xen("period_ns")] public ulong Period;
}

/// <summary>Argument of <see cref="VcpuOperation.SetSingleShotTimer"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_set_singleshot_timer")]
public struct VcpuSetSingleShotTimer
{
    public const int WireSize = 16;

    /// <summary>Absolute system time in nanoseconds.</summary>
    [Xen("timeout_abs_ns")] public ulong Timeout;

    [Xen("flags")] public SingleShotTimerFlags Flags;
}

/// <summary>Flags of <see cref="VcpuSetSingleShotTimer"/> (<c>public/vcpu.h</c>).</summary>
[Flags]
[Xen("VCPU_SSHOTTMR_*")]
public enum SingleShotTimerFlags : uint
{
    None = 0,

    /// <summary>A timeout in the past is refused with ETIME.</summary>
    [Xen("VCPU_SSHOTTMR_future")] Future = 1 << 0,
}

/// <summary>Argument of <see cref="VcpuOperation.RegisterVcpuInfo"/>: where the guest wants its <see cref="VcpuInfo"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_register_vcpu_info")]
public struct VcpuRegisterVcpuInfo
{
    public const int WireSize = 16;

    /// <summary>The guest's frame.</summary>
    [Xen("mfn")] public Mfn Mfn;

    /// <summary>Within the frame, in bytes; the struct may not cross its end.</summary>
    [Xen("offset")] public uint Offset;

    [Xen("rsvd")] public uint Reserved;
}

/// <summary>Argument of <see cref="VcpuOperation.GetPhysicalId"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_get_physid")]
public struct VcpuGetPhysicalId
{
    public const int WireSize = 8;

    /// <summary>APIC number in the low half, ACPI number in the high half.</summary>
    [Xen("phys_id")] public ulong PhysicalId;
}
