using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <summary>A domain at one moment.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name; <c>Domain-0</c> for Dom0, <c>(null)</c> while it has none.</param>
/// <param name="Uuid">Its handle.</param>
/// <param name="Flags">What it is doing.</param>
/// <param name="Reason">Why it has shut down; meaningful with <see cref="DomainInfoFlags.Shutdown"/>.</param>
/// <param name="Pages">Frames that it has or has claimed.</param>
/// <param name="Vcpus">vCPUs that are up.</param>
/// <param name="CpuTime">Nanoseconds of all its vCPUs.</param>
/// <param name="Pool">The name of its CPU pool.</param>
/// <param name="Started">When it was built.</param>
public sealed record DomainView(
    DomId Id, string Name, Guid Uuid, DomainInfoFlags Flags, ShutdownReason Reason, ulong Pages, uint Vcpus, ulong CpuTime, string Pool, DateTimeOffset Started)
{
    /// <summary>Frames that it has claimed and not yet taken; they are among <see cref="Pages"/>.</summary>
    public ulong Claimed { get; init; }

    /// <summary>The most frames that it may have.</summary>
    public ulong MostPages { get; init; }

    /// <summary>Memory in MiB, rounded down as <c>xl list</c> does.</summary>
    public ulong MemoryMiB => Pages * PageSize.Bytes >> 20;

    public bool HasShutDown => (Flags & DomainInfoFlags.Shutdown) != 0;

    /// <summary>Six letters at fixed places: running, blocked, paused, shut down, the reason, dying.</summary>
    public string State => string.Create(6, this, static (text, view) =>
    {
        text[0] = view.Letter(DomainInfoFlags.Running, 'r');
        text[1] = view.Letter(DomainInfoFlags.Blocked, 'b');
        text[2] = view.Letter(DomainInfoFlags.Paused, 'p');
        text[3] = view.Letter(DomainInfoFlags.Shutdown, 's');
        text[4] = view.HasShutDown && (uint)view.Reason < ReasonLetters.Length ? ReasonLetters[(int)view.Reason] : '-';
        text[5] = view.Letter(DomainInfoFlags.Dying, 'd');
    });

    // By reason: power-off, reboot, suspend, crash, watchdog, soft reset.
    private const string ReasonLetters = "-rscwS";

    private char Letter(DomainInfoFlags flag, char letter) => (Flags & flag) != 0 ? letter : '-';
}
