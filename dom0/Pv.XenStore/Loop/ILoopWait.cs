namespace Pv.XenStore;

/// <summary>What the daemon's loop sleeps on.</summary>
internal interface ILoopWait : IDisposable
{
    /// <summary>Waits for something to be ready, or for <see cref="Wake"/>; if it may not <paramref name="sleep"/>, it only looks.</summary>
    void Wait(bool sleep);

    /// <summary>Gives what is ready its turn.</summary>
    void Dispatch();

    /// <summary>Ends a wait, or the next one. Any thread, even after the end.</summary>
    void Wake();
}
