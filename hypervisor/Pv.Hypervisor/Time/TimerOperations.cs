using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Time;

/// <summary><c>set_timer_op</c>: the vCPU's one-shot timer, in system time; 0 stops it.</summary>
internal static class TimerOperations
{
    private const ulong TooFar = 1ul << 50, Soon = 100_000_000;

    public static HypercallResult SetTimer(ref HypercallContext call)
    {
        var deadline = call.Arguments.First;
        var now = call.Core.Clock.Now;
        // A deadline that is negative, or 13 days ahead, comes of a guest's clock that wrapped: some of these want to run at once, others
        // have no timer at all.
        if ((long)deadline < 0 || (deadline > now && deadline - now >= TooFar))
            deadline = now + Soon;
        if (deadline == 0)
            call.Vcpu.Timers.StopSingleShot();
        else
            call.Vcpu.Timers.SetSingleShot(deadline);
        return HypercallResult.Success;
    }
}
