namespace Pv.Frontends;

/// <summary>What a front end did since it was opened.</summary>
public sealed class BlockStatistics
{
    /// <summary>Requests that were put on rings.</summary>
    public ulong Requests { get; internal set; }

    /// <summary>Those of them that had their segments in a page of their own.</summary>
    public ulong IndirectRequests { get; internal set; }

    /// <summary>Notifications that the back end asked for and got.</summary>
    public ulong Notifications { get; internal set; }

    /// <summary>Events from the back end.</summary>
    public ulong Events { get; internal set; }

    /// <summary>Connections: 1, and one more each time that a back end came back.</summary>
    public int Connections { get; internal set; }
}
