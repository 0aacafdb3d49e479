using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// The front end's side of a shared ring (<c>public/io/ring.h</c>): it puts requests and takes responses. Its cursors are private; of the
/// back end's it reads only what was published, and believes it only where it can be.
/// </summary>
/// <remarks>One thread at a time. Mirrored by <see cref="BackRing{TRequest,TResponse}"/>.</remarks>
public sealed class FrontRing<TRequest, TResponse>
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _pages;
    private uint _requestProducer;
    private uint _published;
    private uint _responseConsumer;

    /// <summary>Begins an empty ring; the pages' indices are set for the back end to find.</summary>
    public FrontRing(params SharedPage[] pages)
    {
        _pages = new RingPages(pages, Math.Max(WireSize<TRequest>.Bytes, WireSize<TResponse>.Bytes));
        _pages.WriteIndex(RingPages.RequestProducer, 0);
        _pages.WriteIndex(RingPages.ResponseProducer, 0);
        _pages.WriteIndex(RingPages.RequestEvent, 1);
        _pages.WriteIndex(RingPages.ResponseEvent, 1);
    }

    /// <summary>How many entries the ring has.</summary>
    public int Size => (int)_pages.Size;

    /// <summary>How many requests can be put now.</summary>
    public int Room => (int)(_pages.Size - (_requestProducer - _responseConsumer));

    /// <summary>Why the ring is lost, or null.</summary>
    public string? Corruption { get; private set; }

    /// <summary>Puts a request, unseen by the back end until it is published. False: the ring is full.</summary>
    public bool TryPut(in TRequest request)
    {
        if (Room == 0)
            return false;
        _pages.Write(_requestProducer++, request);
        return true;
    }

    /// <summary>Shows the back end what was put. True: it wants to be notified.</summary>
    public bool Publish()
    {
        var before = _published;
        _published = _requestProducer;
        _pages.WriteIndex(RingPages.RequestProducer, _published);
        SharedPage.FullFence();
        return _published - _pages.ReadIndex(RingPages.RequestEvent) < _published - before;
    }

    /// <summary>Takes the next response.</summary>
    public RingResult TryTake(out TResponse response)
    {
        response = default;
        var available = _pages.ReadIndex(RingPages.ResponseProducer) - _responseConsumer;
        var outstanding = _published - _responseConsumer;
        if (available > outstanding)
            Corruption ??= $"the back end published {available} responses to {outstanding} requests";
        if (Corruption is not null)
            return RingResult.Corrupt;
        if (available == 0)
            return RingResult.Wait;
        _pages.Read(_responseConsumer++, out response);
        return RingResult.Done;
    }

    /// <summary>Asks for an event at the next response, and looks once more. True: there are some already; no event is needed.</summary>
    public bool FinalCheck()
    {
        if (_pages.ReadIndex(RingPages.ResponseProducer) != _responseConsumer)
            return true;
        _pages.WriteIndex(RingPages.ResponseEvent, _responseConsumer + 1);
        SharedPage.FullFence();
        return _pages.ReadIndex(RingPages.ResponseProducer) != _responseConsumer;
    }
}
