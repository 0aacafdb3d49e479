namespace Pv.Guest;

/// <summary>Code of a C# guest ran, or was about to run, outside the turns of its vCPU. The domain crashes with this reason.</summary>
public sealed class TurnException(string reason) : Exception(reason);
