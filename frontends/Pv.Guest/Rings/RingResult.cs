namespace Pv.Guest;

/// <summary>How an attempt on a ring went.</summary>
public enum RingResult
{
    /// <summary>Something was put or taken.</summary>
    Done,

    /// <summary>Nothing to take, or no room to put: wait for an event, then try again.</summary>
    Wait,

    /// <summary>The peer wrote indices that cannot be: the ring is lost, and its <c>Corruption</c> says why.</summary>
    Corrupt,
}
