using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="SchedOperation.Shutdown"/> (<c>public/sched.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct sched_shutdown")]
public struct SchedShutdown
{
    public const int WireSize = 4;

    [Xen("reason")] public ShutdownReason Reason;
}

/// <summary>Argument of <see cref="SchedOperation.Poll"/>: block until one of the ports is pending (<c>public/sched.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct sched_poll")]
public struct SchedPoll
{
    public const int WireSize = 24;

    /// <summary>Guest address of an array of <see cref="EventPort"/>.</summary>
    [Xen("ports")] public ulong Ports;

    [Xen("nr_ports")] public uint PortCount;

    /// <summary>System time in nanoseconds at which to stop waiting; 0: never.</summary>
    [Xen("timeout")] public ulong Timeout;
}

/// <summary>Argument of <see cref="SchedOperation.RemoteShutdown"/> (<c>public/sched.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct sched_remote_shutdown")]
public struct SchedRemoteShutdown
{
    public const int WireSize = 8;

    [Xen("domain_id")] public DomId Domain;
    [Xen("reason")] public ShutdownReason Reason;
}

/// <summary>Argument of <see cref="SchedOperation.Watchdog"/> (<c>public/sched.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct sched_watchdog")]
public struct SchedWatchdog
{
    public const int WireSize = 8;

    /// <summary>0: set up a new watchdog, whose number is returned.</summary>
    [Xen("id")] public uint Id;

    /// <summary>In seconds from now; 0: destroy the watchdog.</summary>
    [Xen("timeout")] public uint Timeout;
}

/// <summary>Argument of <see cref="SchedOperation.PinOverride"/> (<c>public/sched.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct sched_pin_override")]
public struct SchedPinOverride
{
    public const int WireSize = 4;

    /// <summary>The pCPU to be pinned to; negative: undo.</summary>
    [Xen("pcpu")] public int Pcpu;
}
