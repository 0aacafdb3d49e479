using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>Time as Xen tells it to a domain: system time from the time-stamp counter, and the wall clock.</summary>
/// <remarks>Any thread. Nothing here enters the hypervisor.</remarks>
public sealed class GuestClock
{
    private readonly IGuestGate _gate;
    private readonly SharedInfoPage _shared;

    internal GuestClock(IGuestGate gate, SharedInfoPage shared)
    {
        _gate = gate;
        _shared = shared;
        Started = Now;
    }

    /// <summary>System time, in nanoseconds since the host started.</summary>
    public ulong Now => SystemTime(_shared.ReadTime(), _gate.ReadTsc());

    /// <summary>System time when the kernel started.</summary>
    public ulong Started { get; }

    /// <summary>How long the kernel has run.</summary>
    public TimeSpan Uptime => TimeSpan.FromTicks((long)((Now - Started) / 100));

    /// <summary>The time of day, UTC.</summary>
    public DateTimeOffset WallClock
        => DateTimeOffset.UnixEpoch.AddTicks((long)((_shared.ReadWallClock() + Now) / 100));

    /// <summary>System time at a value of the counter, as <c>struct vcpu_time_info</c> relates them, in nanoseconds.</summary>
    public static ulong SystemTime(in VcpuTimeInfo time, ulong tsc)
    {
        // A counter read before the hypervisor's is a little in the past, not far in the future.
        var elapsed = tsc > time.TscTimestamp ? tsc - time.TscTimestamp : 0;
        var scaled = time.TscShift < 0 ? elapsed >> -time.TscShift : elapsed << time.TscShift;
        return time.SystemTime + (ulong)(((UInt128)scaled * time.TscToSystemMultiplier) >> 32);
    }
}
