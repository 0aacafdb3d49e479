namespace Pv.XenStore;

/// <summary>Gives the daemon's work its turns, one after the other. Any thread.</summary>
internal interface IStoreLoop
{
    /// <summary>How often it looked for something to do; stands still while there is nothing.</summary>
    long Looks { get; }

    /// <summary>Queues a piece of work. False once the loop is to end.</summary>
    bool Schedule(IStoreWork work);

    /// <summary>Does what is queued, and ends. False: somebody did so before.</summary>
    bool TryEnd(out Task ended);
}
