namespace Pv.Abi;

/// <summary>The first argument of <see cref="AsyncHypercalls.Number"/>: what to do with the calling vCPU's queue.</summary>
public enum AsyncOperation : uint
{
    /// <summary>Answers <see cref="AsyncHypercalls.Version"/>.</summary>
    Query = 0,

    /// <summary>Sets a queue up; the second argument is the address of an <see cref="AsyncQueueSetup"/>.</summary>
    SetUp = 1,

    /// <summary>Takes it down: what was not begun is not done, and the frames are the guest's alone again.</summary>
    TearDown = 2,

    /// <summary>Wakes the queue's service, when <see cref="AsyncRingFlags.NeedWakeup"/> says that it sleeps.</summary>
    Kick = 3,
}
