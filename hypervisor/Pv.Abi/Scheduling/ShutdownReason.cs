namespace Pv.Abi;

/// <summary>Why a domain shut down (<c>public/sched.h</c>).</summary>
[Xen("SHUTDOWN_*")]
public enum ShutdownReason : uint
{
    [Xen("SHUTDOWN_poweroff")] PowerOff = 0,
    [Xen("SHUTDOWN_reboot")] Reboot = 1,
    [Xen("SHUTDOWN_suspend")] Suspend = 2,
    [Xen("SHUTDOWN_crash")] Crash = 3,
    [Xen("SHUTDOWN_watchdog")] Watchdog = 4,

    /// <summary>The domain asks to be reset in place, its memory kept.</summary>
    [Xen("SHUTDOWN_soft_reset")] SoftReset = 5,
}
