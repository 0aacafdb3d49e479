namespace Pv.Hypervisor.Time;

/// <summary>
/// A deadline and what to do when it is past. The action runs on the timekeeper's thread with no lock held, must be short, and may set
/// timers again.
/// </summary>
public sealed class CoreTimer(Timekeeper timekeeper, Action expired)
{
    internal readonly Action Expired = expired;

    /// <summary>The place in the timekeeper's heap that is current; older entries of this timer are void.</summary>
    internal ulong Generation;

    internal bool Armed;

    /// <summary>Sets or moves the deadline, in system time. One in the past fires at once.</summary>
    public void Set(ulong deadline) => timekeeper.Arm(this, deadline);

    /// <summary>No expiry that has not begun will come.</summary>
    public void Cancel() => timekeeper.Disarm(this);
}
