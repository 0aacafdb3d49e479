using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Bytes to and from a client, never waiting: a ring, or a socket's buffers.</summary>
internal interface IStoreStream
{
    /// <summary>Why no more can be read or written, or null while all is well.</summary>
    string? Fault { get; }

    /// <summary>The client said all that it has to say, as <see cref="Read"/> found.</summary>
    bool IsEnded { get; }

    /// <summary>Takes what is there, perhaps nothing.</summary>
    int Read(Span<byte> into);

    /// <summary>Gives what fits, perhaps nothing.</summary>
    int Write(ReadOnlySpan<byte> bytes);

    /// <summary>The end of a turn: tells the peer of what was read and written since the last one.</summary>
    /// <param name="takesMore">Whether more input is wanted; else only room for output is worth another turn.</param>
    void Flush(bool takesMore);

    /// <summary>Whether the client asks to begin anew, as only a ring's can.</summary>
    bool IsResetAsked => false;

    /// <summary>Begins anew: what lies in either direction is dropped, and the client hears that it is so.</summary>
    void Reset()
    {
    }

    /// <summary>Tells the client, where there is a way, why it is served no more. False: nor can it ask to begin anew.</summary>
    bool Fail(XenStoreRingError error) => false;

    /// <summary>Ends the stream.</summary>
    void Close();
}
