using Pv.Abi;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>xenstored's end of a domain's ring page: takes from <c>req</c>, puts into <c>rsp</c>.</summary>
internal sealed class StoreRing : IStoreStream
{
    private const int ErrorOffset = 2072;

    private readonly IStoreChannel _channel;
    private readonly ByteRingReader _requests;
    private readonly ByteRingWriter _responses;
    private bool _moved;

    /// <summary>Goes on where the page says that its last user stopped: at zero for a new domain.</summary>
    public StoreRing(IStoreChannel channel)
    {
        _channel = channel;
        _requests = new ByteRingReader(channel.Page, ByteRingLayout.XenStoreRequests);
        _responses = new ByteRingWriter(channel.Page, ByteRingLayout.XenStoreResponses);
    }

    public string? Fault => _requests.Corruption ?? _responses.Corruption;

    public int Read(Span<byte> into)
    {
        _requests.TryRead(into, out var count, out _);
        _moved |= count > 0;
        return count;
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        _responses.TryWrite(bytes, out var count);
        _moved |= count > 0;
        return count;
    }

    public void Flush()
    {
        if (!_moved)
            return;
        _moved = false;
        _channel.Notify();
    }

    public void Close(XenStoreRingError error)
    {
        if (error != XenStoreRingError.None)
        {
            _channel.Page.WriteUInt32Release(ErrorOffset, (uint)error);
            _channel.Notify();
        }
        _channel.Dispose();
    }
}
