using Pv.Abi;
using Pv.Machine;

namespace Pv.XenStore;

/// <summary>
/// xenstored's end of a domain's ring page: takes from <c>req</c>, puts into <c>rsp</c>.
/// Our own two indices are kept here and only published in the page; of the page only the domain's two are believed,
/// and those as far as they can be true.
/// </summary>
internal sealed class StoreRing : IStoreStream
{
    public const int RequestsOffset = 0;
    public const int ResponsesOffset = XenStoreLimits.RingBytes;
    public const int RequestConsumerOffset = 2 * XenStoreLimits.RingBytes;
    public const int RequestProducerOffset = RequestConsumerOffset + 4;
    public const int ResponseConsumerOffset = RequestConsumerOffset + 8;
    public const int ResponseProducerOffset = RequestConsumerOffset + 12;
    public const int ErrorOffset = RequestConsumerOffset + 24;

    private const uint Size = XenStoreLimits.RingBytes;

    private readonly IStoreChannel _channel;
    private readonly SharedPage _page;
    private uint _requestConsumer;
    private uint _responseProducer;
    private bool _moved;

    /// <summary>Goes on where the page says that its last user stopped: at zero for a new domain.</summary>
    public StoreRing(IStoreChannel channel)
    {
        _channel = channel;
        _page = channel.Page;
        _requestConsumer = _page.ReadUInt32Acquire(RequestConsumerOffset);
        _responseProducer = _page.ReadUInt32Acquire(ResponseProducerOffset);
    }

    public string? Fault { get; private set; }

    public int Read(Span<byte> into)
    {
        if (Fault is not null)
            return 0;
        var available = _page.ReadUInt32Acquire(RequestProducerOffset) - _requestConsumer;
        if (available > Size)
        {
            Fault = $"the domain claims {available} bytes in a request ring of {Size}";
            return 0;
        }
        var count = (int)Math.Min(available, (uint)into.Length);
        if (count == 0)
            return 0;
        var at = (int)(_requestConsumer % Size);
        var first = Math.Min(count, (int)Size - at);
        _page.CopyTo(RequestsOffset + at, into[..first]);
        _page.CopyTo(RequestsOffset, into[first..count]);
        _requestConsumer += (uint)count;
        _page.WriteUInt32Release(RequestConsumerOffset, _requestConsumer);
        _moved = true;
        return count;
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        if (Fault is not null)
            return 0;
        var used = _responseProducer - _page.ReadUInt32Acquire(ResponseConsumerOffset);
        if (used > Size)
        {
            Fault = $"the domain leaves {used} bytes in a response ring of {Size}";
            return 0;
        }
        var count = Math.Min((int)(Size - used), bytes.Length);
        if (count == 0)
            return 0;
        var at = (int)(_responseProducer % Size);
        var first = Math.Min(count, (int)Size - at);
        _page.CopyFrom(ResponsesOffset + at, bytes[..first]);
        _page.CopyFrom(ResponsesOffset, bytes[first..count]);
        _responseProducer += (uint)count;
        _page.WriteUInt32Release(ResponseProducerOffset, _responseProducer);
        _moved = true;
        return count;
    }

    public void Flush()
    {
        if (!_moved)
            return;
        _moved = false;
        SharedPage.FullFence();
        _channel.Notify();
    }

    public void Close(XenStoreRingError error)
    {
        if (error != XenStoreRingError.None)
        {
            _page.WriteUInt32Release(ErrorOffset, (uint)error);
            _channel.Notify();
        }
        _channel.Dispose();
    }
}
