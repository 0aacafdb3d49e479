namespace Pv.Hypervisor.Stepping;

/// <summary>What one seed did.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Trace">The hypercalls, see <see cref="TraceLog"/>.</param>
/// <param name="Interleaving">Which interleaving it was, see <see cref="Stepper.Interleaving"/>.</param>
/// <param name="Points">How many points there were at which the turn could change.</param>
/// <param name="Changes">How often it changed.</param>
/// <param name="Nanoseconds">How much of the machine's time went by.</param>
/// <param name="Failure">What was wrong; null when nothing was.</param>
public sealed record SeedRun(ulong Seed, TraceLog Trace, ulong Interleaving, ulong Points, ulong Changes, ulong Nanoseconds, string? Failure);
