namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.SchedOp"/> (<c>public/sched.h</c>).</summary>
[Xen("SCHEDOP_*")]
public enum SchedOperation : uint
{
    [Xen("SCHEDOP_yield")] Yield = 0,
    [Xen("SCHEDOP_block")] Block = 1,

    /// <summary>Argument: <see cref="SchedShutdown"/>.</summary>
    [Xen("SCHEDOP_shutdown")] Shutdown = 2,

    /// <summary>Argument: <see cref="SchedPoll"/>.</summary>
    [Xen("SCHEDOP_poll")] Poll = 3,

    /// <summary>Argument: <see cref="SchedRemoteShutdown"/>.</summary>
    [Xen("SCHEDOP_remote_shutdown")] RemoteShutdown = 4,

    /// <summary>Argument: <see cref="SchedShutdown"/>; latches the reason that a later shutdown reports.</summary>
    [Xen("SCHEDOP_shutdown_code")] ShutdownCode = 5,

    /// <summary>Argument: <see cref="SchedWatchdog"/>.</summary>
    [Xen("SCHEDOP_watchdog")] Watchdog = 6,

    /// <summary>Argument: <see cref="SchedPinOverride"/>.</summary>
    [Xen("SCHEDOP_pin_override")] PinOverride = 7,
}
