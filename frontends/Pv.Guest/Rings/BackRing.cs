using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// The back end's side of a shared ring (<c>public/io/ring.h</c>): it takes requests and puts responses. Its cursors are private; of the
/// front end's it reads only what was published, and believes it only where it can be.
/// </summary>
/// <remarks>One thread at a time. Mirrored by <see cref="FrontRing{TRequest,TResponse}"/>.</remarks>
public sealed class BackRing<TRequest, TResponse>
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _pages;
    private uint _responseProducer;
    private uint _published;
    private uint _requestConsumer;

    /// <summary>Takes over a ring that a front end began; one that was in use goes on after its last published response.</summary>
    public BackRing(params SharedPage[] pages)
    {
        _pages = new RingPages(pages, Math.Max(WireSize<TRequest>.Bytes, WireSize<TResponse>.Bytes));
        _responseProducer = _published = _requestConsumer = _pages.ReadIndex(RingPages.ResponseProducer);
    }

    /// <summary>How many entries the ring has.</summary>
    public int Size => (int)_pages.Size;

    /// <summary>How many requests were taken and have no response yet.</summary>
    public int Outstanding => (int)(_requestConsumer - _responseProducer);

    /// <summary>Why the ring is lost, or null.</summary>
    public string? Corruption { get; private set; }

    /// <summary>Copies the next request out, once.</summary>
    public RingResult TryTake(out TRequest request)
    {
        request = default;
        var available = _pages.ReadIndex(RingPages.RequestProducer) - _requestConsumer;
        // What was taken and not answered still occupies its entries.
        if (available > _pages.Size - (uint)Outstanding)
            Corruption ??= $"the front end published {available} requests, and the ring has room for {_pages.Size - (uint)Outstanding}";
        if (Corruption is not null)
            return RingResult.Corrupt;
        if (available == 0)
            return RingResult.Wait;
        _pages.Read(_requestConsumer++, out request);
        return RingResult.Done;
    }

    /// <summary>Puts a response, unseen by the front end until it is published.</summary>
    /// <exception cref="InvalidOperationException">Every request that was taken has its response.</exception>
    public void Put(in TResponse response)
    {
        if (Outstanding == 0)
            throw new InvalidOperationException("A response needs a request.");
        _pages.Write(_responseProducer++, response);
    }

    /// <summary>Shows the front end what was put. True: it wants to be notified.</summary>
    public bool Publish()
    {
        var before = _published;
        _published = _responseProducer;
        _pages.WriteIndex(RingPages.ResponseProducer, _published);
        SharedPage.FullFence();
        return _published - _pages.ReadIndex(RingPages.ResponseEvent) < _published - before;
    }

    /// <summary>Asks for an event at the next request, and looks once more. True: there are some already; no event is needed.</summary>
    public bool FinalCheck()
    {
        if (_pages.ReadIndex(RingPages.RequestProducer) != _requestConsumer)
            return true;
        _pages.WriteIndex(RingPages.RequestEvent, _requestConsumer + 1);
        SharedPage.FullFence();
        return _pages.ReadIndex(RingPages.RequestProducer) != _requestConsumer;
    }
}
