using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// A client behind a stream of bytes: a domain on its ring, a tool on a socket.
/// Takes requests as they come, and keeps what it has to say until the stream takes it.
/// </summary>
/// <remarks>
/// <see cref="Wake"/> may be called on any thread; all else runs on the daemon's loop.
/// A client that does not take its replies is not served any further, one that breaks the protocol is given up; nobody else notices.
/// </remarks>
internal sealed class XenStoreConnection : StoreClient, IStoreWork
{
    /// <summary>Requests served before others have their turn.</summary>
    private const int RequestsPerTurn = 16;

    private readonly Store _store;
    private readonly MessageDecoder _decoder;
    private readonly OutgoingMessages _outgoing;
    private Func<IStoreWork, bool>? _schedule;
    private IStoreStream? _stream;
    private int _scheduled;
    private bool _isServing;

    public XenStoreConnection(Store store, StoreDomain domain) : base(domain)
    {
        _store = store;
        _decoder = new(store.InputBuffers);
        _outgoing = new(store.OutputBuffers);
        _schedule = store.Schedule;
    }

    /// <summary>Why the stream was given up, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Bytes that wait for the client to take them.</summary>
    public override int PendingBytes => _outgoing.Bytes;

    /// <summary>Replies that the client has not taken whole.</summary>
    public int PendingReplies => _outgoing.Replies;

    /// <summary>Asks for a turn on the loop: the peer did something.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _scheduled, 1) == 0)
            _schedule?.Invoke(this);
    }

    /// <summary>Gives the client a stream, in place of the one it had.</summary>
    public void Attach(IStoreStream stream)
    {
        _stream?.Close();
        _stream = stream;
        Fault = null;
    }

    /// <summary>The client leaves; nothing of it is kept.</summary>
    public override void Stop()
    {
        _schedule = null;
        Close();
    }

    /// <summary>One turn: serves what the stream brings, says what it takes.</summary>
    public void Run()
    {
        // The flag falls before the stream is looked at: a wake from now on means another turn.
        Interlocked.Exchange(ref _scheduled, 0);
        if (_stream is { IsResetAsked: true })
            Restart(_stream);
        if (_stream is null || Fault is not null)
            return;
        var served = 0;
        var hadRoom = true;
        _isServing = true;
        try
        {
            Drain();
            while (Fault is null && (hadRoom = MayServe) && served < RequestsPerTurn && ServeOne())
                served++;
            Drain();
        }
        catch (Exception exception)
        {
            _store.LogAbout(Domain, $"a request failed: {exception}");
            GiveUp("a request could not be served", XenStoreRingError.Communication);
        }
        _isServing = false;
        if (_stream is null || Fault is not null)
        {
            _decoder.Clear();
            return;
        }
        _decoder.Rest();
        var isCutShort = served == RequestsPerTurn || (!hadRoom && MayServe);
        if (_stream.IsEnded && !isCutShort && _outgoing.IsEmpty)
        {
            _store.Disconnect(this);
            Stop();
            return;
        }
        _stream.Flush(takesMore: MayServe);
        if (isCutShort)
            Wake();
    }

    public override void Send(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
    {
        if (Fault is not null || _stream is null)
            return;
        _outgoing.Add(type, requestId, transactionId, payload);
        CheckOutgoing();
    }

    public override void SendEvent(string path, string token)
    {
        if (Fault is not null || _stream is null)
            return;
        // Who watches much and listens to little misses events, as with xenstored: they are no more than the quota of memory holds.
        if (!Domain.IsPrivileged && _store.MemoryOf(this) + OutgoingMessages.BytesOfEvent(path, token) > Domain.Quotas.Limit(StoreQuota.Memory))
            return;
        _outgoing.AddEvent(path, token);
        CheckOutgoing();
    }

    private bool MayServe => Domain.IsPrivileged
        ? _outgoing.Bytes < StoreQuotas.ToolReplyBytes
        : _outgoing.Replies < Domain.Quotas.Limit(StoreQuota.Outstanding);

    private bool ServeOne()
    {
        while (true)
        {
            if (_decoder.TryTake(out var message))
            {
                _store.Handle(this, message);
                return true;
            }
            if (_decoder.IsBroken)
            {
                GiveUp("a message is longer than the protocol allows", XenStoreRingError.Protocol);
                return false;
            }
            // A request may close its own sender: a domain's release.
            var count = _stream?.Read(_decoder.Free) ?? 0;
            if (count == 0)
            {
                CheckStream();
                return false;
            }
            _decoder.Advance(count);
        }
    }

    private void Drain()
    {
        if (!_outgoing.IsEmpty && _stream is { } stream)
        {
            _outgoing.Taken(stream.Write(_outgoing.Unsent));
            CheckStream();
        }
    }

    private void CheckStream()
    {
        if (_stream?.Fault is { } fault)
            GiveUp(fault, XenStoreRingError.RingIndex);
    }

    private void CheckOutgoing()
    {
        if (Domain.IsPrivileged && _outgoing.Bytes > StoreQuotas.ToolPendingBytes)
            GiveUp("it does not take what it asked for", XenStoreRingError.Communication);
        else if (!_isServing)
            Wake();
    }

    /// <summary>Serves the client no more. A domain stays introduced, with a dead ring, until it asks to begin anew or is released.</summary>
    private void GiveUp(string reason, XenStoreRingError error)
    {
        if (Fault is not null)
            return;
        Fault = reason;
        _store.LogAbout(Domain, $"xenstore connection given up: {reason}");
        _store.Disconnect(this);
        Clear();
        if (_stream is { } stream && !stream.Fail(error))
            Close();
    }

    /// <summary>As if nothing had ever been said: what a new kernel on the ring of an old one needs.</summary>
    private void Restart(IStoreStream stream)
    {
        _store.Disconnect(this);
        Clear();
        Fault = null;
        stream.Reset();
    }

    private void Close()
    {
        var stream = _stream;
        _stream = null;
        Clear();
        stream?.Close();
    }

    private void Clear()
    {
        _outgoing.Clear();
        // A request that is being served still reads its payload.
        if (!_isServing)
            _decoder.Clear();
    }
}
