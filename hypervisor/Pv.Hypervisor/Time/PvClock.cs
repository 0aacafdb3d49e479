using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Time;

/// <summary>
/// Writes the paravirtual clock (<c>struct vcpu_time_info</c> and the wall clock). A guest's time-stamp counter is the machine's clock in
/// nanoseconds, so the relation never changes and is written once for each place where a guest reads it.
/// </summary>
internal static class PvClock
{
    /// <summary>The rate of every guest's time-stamp counter, in kHz.</summary>
    public const uint TscKilohertz = 1_000_000;

    // nanoseconds = (tsc << shift) * multiplier / 2^32, so 1:1.
    public const uint Multiplier = 0x8000_0000;
    public const sbyte Shift = 1;

    public static void WriteTime(ref VcpuTimeInfo time)
    {
        Volatile.Write(ref time.Version, time.Version | 1);
        Interlocked.MemoryBarrier();
        time.TscTimestamp = 0;
        time.SystemTime = 0;
        time.TscToSystemMultiplier = Multiplier;
        time.TscShift = Shift;
        time.Flags = PvClockFlags.TscStable;
        Volatile.Write(ref time.Version, (time.Version | 1) + 1);
    }

    /// <summary>The wall clock's time at the start of system time, moved by what the domain's clock is set off.</summary>
    public static void WriteWallClock(Domain domain)
    {
        ref var shared = ref domain.Core.Memory.At<SharedInfo>(domain.SharedInfo.Address);
        var boot = domain.Core.Clock.BootWallClock;
        var seconds = (ulong)((long)(boot / 1_000_000_000) + domain.TimeOffset);
        Volatile.Write(ref shared.WallClockVersion, shared.WallClockVersion | 1);
        Interlocked.MemoryBarrier();
        shared.WallClockSeconds = (uint)seconds;
        shared.WallClockSecondsHigh = (uint)(seconds >> 32);
        shared.WallClockNanoseconds = (uint)(boot % 1_000_000_000);
        Volatile.Write(ref shared.WallClockVersion, (shared.WallClockVersion | 1) + 1);
    }
}
