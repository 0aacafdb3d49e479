namespace Pv.Frontends;

/// <summary>What a ring's owner is told. In turns, from the upcall.</summary>
internal interface IBlockQueueOwner
{
    /// <summary>Answers came: there is room on the ring.</summary>
    void Answered();

    /// <summary>The back end wrote what cannot be. The ring is not looked at any more.</summary>
    void RingLost(string reason);
}
