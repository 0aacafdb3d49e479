namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.VcpuOp"/> (<c>public/vcpu.h</c>).</summary>
[Xen("VCPUOP_*")]
public enum VcpuOperation : uint
{
    /// <summary>Argument: <see cref="VcpuGuestContext"/>.</summary>
    [Xen("VCPUOP_initialise")] Initialise = 0,

    [Xen("VCPUOP_up")] Up = 1,
    [Xen("VCPUOP_down")] Down = 2,
    [Xen("VCPUOP_is_up")] IsUp = 3,

    /// <summary>Argument: <see cref="VcpuRunstateInfo"/>.</summary>
    [Xen("VCPUOP_get_runstate_info")] GetRunstateInfo = 4,

    /// <summary>Argument: <see cref="VcpuRegisterRunstateMemoryArea"/>.</summary>
    [Xen("VCPUOP_register_runstate_memory_area")] RegisterRunstateMemoryArea = 5,

    /// <summary>Argument: <see cref="VcpuSetPeriodicTimer"/>.</summary>
    [Xen("VCPUOP_set_periodic_timer")] SetPeriodicTimer = 6,

    [Xen("VCPUOP_stop_periodic_timer")] StopPeriodicTimer = 7,

    /// <summary>Argument: <see cref="VcpuSetSingleShotTimer"/>.</summary>
    [Xen("VCPUOP_set_singleshot_timer")] SetSingleShotTimer = 8,

    [Xen("VCPUOP_stop_singleshot_timer")] StopSingleShotTimer = 9,

    /// <summary>Argument: <see cref="VcpuRegisterVcpuInfo"/>. Once only.</summary>
    [Xen("VCPUOP_register_vcpu_info")] RegisterVcpuInfo = 10,

    [Xen("VCPUOP_send_nmi")] SendNmi = 11,

    /// <summary>Argument: <see cref="VcpuGetPhysicalId"/>.</summary>
    [Xen("VCPUOP_get_physid")] GetPhysicalId = 12,

    /// <summary>Argument: <see cref="VcpuRegisterTimeMemoryArea"/>.</summary>
    [Xen("VCPUOP_register_vcpu_time_memory_area")] RegisterVcpuTimeMemoryArea = 13,
}
