using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Time;

/// <summary><c>set_timer_op</c>: one deadline a vCPU, in system time.</summary>
internal static class TimerOperations
{
    public static HypercallResult SetTimer(ref HypercallContext call)
    {
        var deadline = call.Arguments.First;
        // A negative time is far in the past to C's signed eyes; Xen treats it as a wrapped guest clock and fires soon.
        if ((long)deadline < 0)
            deadline = call.Core.Clock.Now + 100_000_000;
        call.Vcpu.Timers.SetOneShot(deadline);
        return HypercallResult.Success;
    }
}
