using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// A client behind a stream of bytes: a domain on its ring, later a tool on a socket.
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
    private readonly MessageDecoder _decoder = new();
    private readonly Queue<Outgoing> _outgoing = new();
    private readonly HashSet<(string Path, string Token)> _pendingEvents = [];
    private Func<IStoreWork, bool>? _schedule;
    private IStoreStream? _stream;
    private int _sent;
    private int _pendingBytes;
    private int _pendingReplies;
    private int _scheduled;
    private bool _isServing;

    public XenStoreConnection(Store store, StoreDomain domain) : base(domain)
    {
        _store = store;
        _schedule = store.Schedule;
    }

    /// <summary>Why the stream was given up, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Bytes that wait for the client to take them.</summary>
    public int PendingBytes => _pendingBytes;

    /// <summary>Asks for a turn on the loop: the peer did something.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _scheduled, 1) == 0)
            _schedule?.Invoke(this);
    }

    /// <summary>Gives the client a stream, in place of the one it had.</summary>
    public void Attach(IStoreStream stream)
    {
        _stream?.Close(XenStoreRingError.None);
        _stream = stream;
    }

    /// <summary>The client leaves; nothing of it is kept.</summary>
    public override void Stop()
    {
        _schedule = null;
        _stream?.Close(XenStoreRingError.None);
        _stream = null;
        ClearOutgoing();
    }

    /// <summary>One turn: says what the stream takes, serves what it brings.</summary>
    void IStoreWork.Run()
    {
        // The flag falls before the stream is looked at: a wake from now on means another turn.
        Interlocked.Exchange(ref _scheduled, 0);
        if (_stream is null || Fault is not null)
            return;
        var served = 0;
        _isServing = true;
        try
        {
            do
                Drain();
            while (Fault is null && MayServe && ++served <= RequestsPerTurn && ServeOne());
        }
        catch (Exception exception)
        {
            _store.Host.Log($"{Domain.Id}: a request failed: {exception}");
            GiveUp("a request could not be served", XenStoreRingError.Communication);
        }
        _isServing = false;
        _stream?.Flush();
        if (served > RequestsPerTurn)
            Wake();
    }

    public override void Send(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
    {
        _pendingReplies++;
        Enqueue(new(MessageEncoder.Encode(type, requestId, transactionId, payload), null));
    }

    public override void SendEvent(string path, string token)
    {
        // An event that waits says all that a second one would; so a client that does not listen costs what it watches, and no more.
        if (_pendingEvents.Add((path, token)))
            Enqueue(new(MessageEncoder.Encode(XenStoreMessageType.WatchEvent, 0, 0, Payload.Of($"{path}\0{token}")), (path, token)));
    }

    private bool MayServe => Domain.IsPrivileged || _pendingReplies < StoreQuotas.Outstanding;

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
        while (_stream is not null && _outgoing.TryPeek(out var first))
        {
            var count = _stream.Write(first.Bytes.AsSpan(_sent));
            if (count == 0)
                break;
            _sent += count;
            _pendingBytes -= count;
            if (_sent < first.Bytes.Length)
                continue;
            _outgoing.Dequeue();
            _sent = 0;
            if (first.Event is { } told)
                _pendingEvents.Remove(told);
            else
                _pendingReplies--;
        }
        CheckStream();
    }

    private void CheckStream()
    {
        if (_stream?.Fault is { } fault)
            GiveUp(fault, XenStoreRingError.RingIndex);
    }

    private void Enqueue(in Outgoing message)
    {
        if (Fault is not null || _stream is null)
            return;
        _outgoing.Enqueue(message);
        _pendingBytes += message.Bytes.Length;
        if (_pendingBytes > StoreQuotas.PendingBytes && !Domain.IsPrivileged)
            GiveUp("it does not take what it asked for", XenStoreRingError.Communication);
        else if (!_isServing)
            Wake();
    }

    /// <summary>Serves the client no more. The domain stays introduced, with a dead ring, until it is released.</summary>
    private void GiveUp(string reason, XenStoreRingError error)
    {
        if (Fault is not null)
            return;
        Fault = reason;
        _store.Host.Log($"{Domain.Id}: xenstore connection given up: {reason}");
        _store.Disconnect(this);
        _stream?.Close(error);
        _stream = null;
        ClearOutgoing();
    }

    private void ClearOutgoing()
    {
        _outgoing.Clear();
        _pendingEvents.Clear();
        _pendingBytes = 0;
        _pendingReplies = 0;
        _sent = 0;
    }

    /// <summary>A message on its way, and for an event what it says.</summary>
    private readonly record struct Outgoing(byte[] Bytes, (string Path, string Token)? Event);
}
