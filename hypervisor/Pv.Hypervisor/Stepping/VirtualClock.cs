using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Stepping;

/// <summary>Time that passes only by what a machine does. One thread at a time.</summary>
public sealed class VirtualClock : IClock
{
    private const ulong AutumnOf2023 = 1_700_000_000_000_000_000;

    public ulong Now { get; private set; } = 1;

    /// <summary>The same date in every run.</summary>
    public ulong BootWallClock => AutumnOf2023;

    internal void Advance(ulong nanoseconds) => Now += nanoseconds;

    /// <summary>Moves to a time; one that is past changes nothing.</summary>
    internal void AdvanceTo(ulong time) => Now = Math.Max(Now, time);
}
