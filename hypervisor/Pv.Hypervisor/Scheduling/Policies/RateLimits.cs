using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>How long a vCPU runs at least before another that woke takes its place, in microseconds; 0 for no such limit.</summary>
internal static class RateLimits
{
    public static bool AreValid(uint microseconds)
        => microseconds is 0 or (>= SchedulerLimits.MinRateLimitMicroseconds and <= SchedulerLimits.MaxRateLimitMicroseconds);
}
