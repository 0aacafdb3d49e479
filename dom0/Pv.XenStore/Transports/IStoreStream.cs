using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Bytes to and from a client, never waiting: a ring, or a socket's buffers.</summary>
internal interface IStoreStream
{
    /// <summary>Why no more can be read or written, or null while all is well.</summary>
    string? Fault { get; }

    /// <summary>Takes what is there, perhaps nothing.</summary>
    int Read(Span<byte> into);

    /// <summary>Gives what fits, perhaps nothing.</summary>
    int Write(ReadOnlySpan<byte> bytes);

    /// <summary>Tells the peer of what was read and written since the last time.</summary>
    void Flush();

    /// <summary>Ends the stream; where there is a way to tell the peer why, it is told.</summary>
    void Close(XenStoreRingError error);
}
