using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.XenStore;

/// <summary>xenstored's end of a domain's ring page: takes from <c>req</c>, puts into <c>rsp</c>.</summary>
internal sealed class StoreRing : IStoreStream
{
    private const int RequestConsumer = 2048, RequestProducer = 2052, ResponseConsumer = 2056, ResponseProducer = 2060;
    private const int FeaturesOffset = 2064, ConnectionOffset = 2068, ErrorOffset = 2072;

    private readonly IStoreChannel _channel;
    private readonly XenStoreServerFeatures _features;
    private ByteRingReader _requests;
    private ByteRingWriter _responses;
    private bool _moved, _hasRead, _hasWritten;

    /// <summary>Goes on where the page says that its last user stopped: at zero for a new domain.</summary>
    /// <param name="channel">The page, and how its domain is told.</param>
    /// <param name="features">What the domain is offered.</param>
    public StoreRing(IStoreChannel channel, XenStoreServerFeatures features = StoreDomain.AllFeatures)
    {
        _channel = channel;
        _features = features;
        channel.Page.WriteUInt32Release(ErrorOffset, (uint)XenStoreRingError.None);
        channel.Page.WriteUInt32Release(FeaturesOffset, (uint)features);
        _requests = new ByteRingReader(channel.Page, ByteRingLayout.XenStoreRequests);
        _responses = new ByteRingWriter(channel.Page, ByteRingLayout.XenStoreResponses);
    }

    public string? Fault => _requests.Corruption ?? _responses.Corruption;

    /// <summary>A domain's ring is there as long as the domain is.</summary>
    public bool IsEnded => false;

    public int Read(Span<byte> into)
    {
        _requests.TryRead(into, out var count, out _);
        if (count == 0 && MayMiss(ref _hasRead))
            _requests.TryRead(into, out count, out _);
        _hasRead |= count > 0;
        _moved |= count > 0;
        return count;
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        var total = 0;
        // Until there is no room, as seen by a look after the last bytes: who makes room before it sees the ring full does not say so.
        while (total < bytes.Length)
        {
            _responses.TryWrite(bytes[total..], out var count);
            if (count == 0 && MayMiss(ref _hasWritten))
                _responses.TryWrite(bytes[total..], out count);
            if (count == 0)
                break;
            _hasWritten = true;
            total += count;
        }
        _moved |= total > 0;
        return total;
    }

    public void Flush(bool takesMore)
    {
        if (!_moved)
            return;
        _moved = false;
        _channel.Notify();
    }

    public bool IsResetAsked
        => _features.HasFlag(XenStoreServerFeatures.Reconnection)
            && _channel.Page.ReadUInt32Acquire(ConnectionOffset) == (uint)XenStoreConnectionState.Reconnect;

    public void Reset()
    {
        var page = _channel.Page;
        foreach (var index in (ReadOnlySpan<int>)[RequestConsumer, RequestProducer, ResponseConsumer, ResponseProducer])
            page.WriteUInt32Release(index, 0);
        _requests = new ByteRingReader(page, ByteRingLayout.XenStoreRequests);
        _responses = new ByteRingWriter(page, ByteRingLayout.XenStoreResponses);
        page.WriteUInt32Release(ErrorOffset, (uint)XenStoreRingError.None);
        // The guest looks at nothing else until it sees this.
        page.WriteUInt32Release(ConnectionOffset, (uint)XenStoreConnectionState.Connected);
        _channel.Notify();
    }

    public bool Fail(XenStoreRingError error)
    {
        if (_features.HasFlag(XenStoreServerFeatures.Error))
            _channel.Page.WriteUInt32Release(ErrorOffset, (uint)error);
        _channel.Notify();
        return _features.HasFlag(XenStoreServerFeatures.Reconnection);
    }

    public void Close() => _channel.Dispose();

    /// <summary>
    /// Whether a last look is due before the store sleeps on this ring until it is notified.
    /// </summary>
    /// <remarks>
    /// Linux notifies only when it sees that all it had written before was taken, or that the ring was full; and between its own index and
    /// that look it has no fence (<c>xb_write</c>, <c>xb_read</c> of its xenbus driver). What it writes while the store moves the other
    /// index can so be seen by neither: both would wait for ever.
    /// </remarks>
    private static bool MayMiss(ref bool hasMoved)
    {
        if (!hasMoved)
            return false;
        hasMoved = false;
        SharedPage.FenceForAll();
        return true;
    }
}
