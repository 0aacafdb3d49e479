namespace Pv.Dom0.Channels;

/// <summary>This side of a channel: what programs and people of the host connect to. Disposing ends it; the guest's end goes before.</summary>
internal interface IChannelPort : IAsyncDisposable
{
    /// <summary>The guest has said this.</summary>
    ValueTask HearAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>The domain ends: nobody who does not read may hold that up for longer than a moment.</summary>
    void BeginEnd();
}
