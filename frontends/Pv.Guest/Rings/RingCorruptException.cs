namespace Pv.Guest;

/// <summary>The peer of a shared ring wrote what cannot be. The ring is lost; who serves it drops that peer and nobody else.</summary>
public sealed class RingCorruptException(string reason) : Exception($"the shared ring is corrupt: {reason}");
