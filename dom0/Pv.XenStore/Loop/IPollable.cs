namespace Pv.XenStore;

/// <summary>Something with a descriptor that the loop waits for.</summary>
internal interface IPollable
{
    /// <summary>On the loop. A state that lasts is told again at the next look.</summary>
    void Ready(PollEvents events);

    /// <summary>The loop ends.</summary>
    void End();
}

/// <summary>What a descriptor is ready for (epoll(7)).</summary>
[Flags]
internal enum PollEvents : uint
{
    None = 0,
    Input = 0x1,
    Output = 0x4,

    /// <summary>Told whether or not it is asked for, as is the next.</summary>
    Error = 0x8,
    HangUp = 0x10,
}
