namespace Pv.Dom0.Consoles;

/// <summary>What has passed through a console's ring, in bytes.</summary>
/// <param name="Out">Taken from the domain.</param>
/// <param name="In">Given to the domain.</param>
public sealed record ConsoleCounts(long Out, long In);
