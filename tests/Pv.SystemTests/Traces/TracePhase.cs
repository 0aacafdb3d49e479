namespace Pv.SystemTests.Traces;

/// <summary>A stretch of a kernel's life, by the kinds of its calls (<see cref="CallKind"/>).</summary>
/// <param name="Name">What the kernel does then.</param>
/// <param name="Ordered">Kinds whose order its code determines, with repetitions said once.</param>
/// <param name="Others">Kinds that come when they come: with interrupts, with time, with the scheduler's choice.</param>
internal sealed record TracePhase(string Name, IReadOnlyList<string> Ordered, IReadOnlyCollection<string> Others);
