using System.Diagnostics;

namespace Pv.Hypervisor.Time;

/// <summary>
/// The only source of time in the core. A guest's time-stamp counter is this clock, so it runs at 1 GHz on every host and engine.
/// </summary>
public interface IClock
{
    /// <summary>Nanoseconds since the machine started: Xen's system time.</summary>
    ulong Now { get; }

    /// <summary>Nanoseconds of wall-clock time since 1970 at system time 0.</summary>
    ulong BootWallClock { get; }
}

/// <summary>The host's monotonic clock.</summary>
public sealed class HostClock : IClock
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private readonly long _start = Stopwatch.GetTimestamp();

    public ulong BootWallClock { get; } = (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    public ulong Now
    {
        get
        {
            var ticks = (ulong)(Stopwatch.GetTimestamp() - _start);
            return Stopwatch.Frequency == (long)NanosecondsPerSecond
                ? ticks
                : (ulong)((UInt128)ticks * NanosecondsPerSecond / (ulong)Stopwatch.Frequency);
        }
    }
}
