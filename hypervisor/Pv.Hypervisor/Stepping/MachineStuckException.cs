namespace Pv.Hypervisor.Stepping;

/// <summary>Nobody in a deterministic machine can go on, whatever time it becomes: a deadlock, or a wait for what nobody does.</summary>
public sealed class MachineStuckException(string message) : Exception(message);

/// <summary>Throws a thread out of a machine that has been given up.</summary>
internal sealed class StrandAbandonedException() : Exception("The machine was given up.");
