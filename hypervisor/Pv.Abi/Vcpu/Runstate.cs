using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>What a vCPU is doing (<c>public/vcpu.h</c>).</summary>
[Xen("RUNSTATE_*")]
public enum Runstate : int
{
    [Xen("RUNSTATE_running")] Running = 0,

    /// <summary>Wants to run, has no pCPU.</summary>
    [Xen("RUNSTATE_runnable")] Runnable = 1,

    /// <summary>Waits for an event.</summary>
    [Xen("RUNSTATE_blocked")] Blocked = 2,

    /// <summary>Paused, down, or its domain is.</summary>
    [Xen("RUNSTATE_offline")] Offline = 3,
}

/// <summary>How long a vCPU has been in each state (<c>public/vcpu.h</c>). Times are in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct vcpu_runstate_info")]
public struct VcpuRunstateInfo
{
    public const int WireSize = 48;

    [Xen("state")] public Runstate State;

    /// <summary>System time at which the state was entered; <see cref="Runstates.UpdateFlag"/> is set in it while it is being written.</summary>
    [Xen("state_entry_time")] public ulong StateEntryTime;

    /// <summary>Time spent in each state, by <see cref="Runstate"/>.</summary>
    [Xen("time")] public Array4<ulong> Times;
}

/// <summary>Constants of the runstate area (<c>public/vcpu.h</c>).</summary>
public static class Runstates
{
    /// <summary>With the <see cref="VmAssistType.RunstateUpdateFlag"/> assist: set in the entry time during an update.</summary>
    [Xen("XEN_RUNSTATE_UPDATE")] public const ulong UpdateFlag = 0x8000000000000000;
}
