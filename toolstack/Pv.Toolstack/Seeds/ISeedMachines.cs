namespace Pv.Toolstack.Seeds;

/// <summary>Machines in deterministic mode, beside the host's own and apart from it.</summary>
public interface ISeedMachines
{
    /// <summary>Runs guests on a machine of their own under one seed. On the calling thread, for as long as it takes; any thread.</summary>
    /// <param name="guests">The guests, which run together.</param>
    /// <param name="seed">Decides all that is left to chance.</param>
    /// <param name="nanoseconds">How much of the machine's time may go by.</param>
    SeedOutcome Run(IReadOnlyList<SeedGuest> guests, ulong seed, ulong nanoseconds);
}

/// <summary>What became of guests under one seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Trace">Their hypercalls, a line each.</param>
/// <param name="Hash">SHA-256 of the trace.</param>
/// <param name="Calls">How many hypercalls there were.</param>
/// <param name="Interleaving">Another number is another order in which the machine's threads ran.</param>
/// <param name="Changes">How often one gave way to another.</param>
/// <param name="Nanoseconds">How much of the machine's time went by.</param>
/// <param name="Consoles">What each guest showed.</param>
/// <param name="Failure">What was wrong; null when nothing was.</param>
public sealed record SeedOutcome(
    ulong Seed, string Trace, string Hash, int Calls, ulong Interleaving, ulong Changes, ulong Nanoseconds, IReadOnlyList<string> Consoles, string? Failure);
