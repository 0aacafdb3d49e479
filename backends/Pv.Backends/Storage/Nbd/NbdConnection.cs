using Pv.Abi;
using Pv.Machine;

namespace Pv.Backends.Storage.Nbd;

/// <summary>
/// The transmission phase of one connection: transfers go out as they come, many at once, and are completed as the answers come, in any order.
/// </summary>
/// <remarks>
/// Any thread submits. Whoever finds nobody sending sends, for all, as long as the socket takes it at once; a thread of its own waits where it
/// does not, so that a submitter never waits. Another thread receives, into the transfers' own memory, and alone completes what was sent: when
/// the connection breaks, too, since nobody else knows that nothing will be written there any more. No lock is held across a call of the host.
/// </remarks>
internal sealed class NbdConnection
{
    private const int EnoughVectors = HostSocket.MaxVectors / 2;

    private readonly HostSocket _socket;
    private readonly Action<NbdConnection, string> _lost;
    private readonly Action<BlockTransfer, Errno> _failed;
    private readonly string _name;
    private readonly Lock _lock = new();
    private readonly NbdRequests _requests;
    private readonly VectorCursor _outgoing = new(), _incoming = new();
    private readonly byte[] _reply = GC.AllocateArray<byte>(NbdWire.ReplyLength, pinned: true);
    private readonly HostSignal _mustWait = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _sender;
    private bool _isSending, _isBroken, _isClosing;

    /// <param name="socket">Behind its handshake; disposed with this.</param>
    /// <param name="export">What the handshake told.</param>
    /// <param name="name">For the names of threads.</param>
    /// <param name="lost">Called once when the connection breaks, before what was outstanding fails, with the reason. It must not block.</param>
    /// <param name="failed">Called for what the server answers with an error, before that is completed. It must not block.</param>
    public NbdConnection(HostSocket socket, NbdExport export, string name, Action<NbdConnection, string> lost, Action<BlockTransfer, Errno> failed)
    {
        _socket = socket;
        _requests = new NbdRequests(export);
        _name = name;
        _lost = lost;
        _failed = failed;
    }

    /// <summary>Whether writes were completed that no completed flush covers. What the server had of them may be lost with it.</summary>
    public bool HasUnflushed
    {
        get
        {
            lock (_lock)
                return _requests.HasUnflushed;
        }
    }

    /// <summary>Begins to receive.</summary>
    public void Start() => new Thread(ReceiveToTheEnd) { IsBackground = true, Name = $"nbd {_name}" }.Start();

    /// <summary>Takes transfers, all of which complete: with EIO, once the connection is broken.</summary>
    public void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        bool takes, sends;
        lock (_lock)
        {
            takes = !_isBroken;
            if (takes)
            {
                foreach (var transfer in batch)
                    _requests.Wait(transfer);
            }
            sends = TryBeginSending();
        }
        if (sends)
            SendAll(waits: false);
        if (takes)
            return;
        foreach (var transfer in batch)
            transfer.Complete(Errno.EIO);
    }

    /// <summary>Takes leave of the server and ends the threads. Nothing may be outstanding.</summary>
    public async Task CloseAsync()
    {
        bool isFree;
        lock (_lock)
        {
            _isClosing = true;
            isFree = !_isBroken && !_isSending;
            // As one who sends, so that the socket stays until the farewell is said.
            _isSending |= isFree;
        }
        if (isFree)
        {
            var farewell = GC.AllocateArray<byte>(NbdWire.RequestLength, pinned: true);
            NbdWire.EncodeRequest(farewell, NbdCommand.Disconnect, NbdCommandFlags.None, 0, 0, 0);
            var vector = HostVector.OfPinned(farewell);
            _socket.TrySend(new ReadOnlySpan<HostVector>(in vector));
            StopSending();
        }
        _socket.Shutdown();
        await _ended.Task;
    }

    private bool TryBeginSending()
    {
        if (_isSending || _isBroken || !_requests.HasToSend)
            return false;
        _isSending = true;
        return true;
    }

    /// <summary>Sends for everybody, as the one who has set <see cref="_isSending"/>.</summary>
    private void SendAll(bool waits)
    {
        while (!_outgoing.IsEmpty || TryGather())
        {
            var sent = waits ? _socket.Send(_outgoing.Rest) : _socket.TrySend(_outgoing.Rest);
            if (sent >= 0)
            {
                _outgoing.Advance(sent);
            }
            else if (sent == -(long)Errno.EAGAIN && !waits)
            {
                LetSomebodyWait();
                return;
            }
            else
            {
                // The receiver hears of it, and ends it all.
                _socket.Shutdown();
                StopSending();
                return;
            }
        }
    }

    /// <summary>Puts together what the next call sends. False: nothing, and nobody sends from here on.</summary>
    private bool TryGather()
    {
        lock (_lock)
        {
            while (!_isBroken && _outgoing.Count < EnoughVectors && _requests.TryNext(out var header, out var payload))
            {
                _outgoing.Add(header);
                _outgoing.Add(payload);
            }
            _isSending = !_outgoing.IsEmpty;
            return _isSending;
        }
    }

    private void StopSending()
    {
        lock (_lock)
        {
            _isBroken = true;
            _isSending = false;
        }
    }

    /// <summary>Hands the sending over to the thread that may wait.</summary>
    private void LetSomebodyWait()
    {
        if (_sender is null)
        {
            _sender = new Thread(SendWhenAsked) { IsBackground = true, Name = $"nbd {_name} sender" };
            _sender.Start();
        }
        _mustWait.Set();
    }

    private void SendWhenAsked()
    {
        while (_mustWait.Wait() && IsSending)
            SendAll(waits: true);
    }

    private bool IsSending
    {
        get
        {
            lock (_lock)
                return _isSending;
        }
    }

    private void ReceiveToTheEnd()
    {
        string reason;
        try
        {
            reason = Receive();
        }
        catch (Exception failure)
        {
            reason = $"an unexpected failure: {failure}";
        }
        End(reason);
    }

    /// <summary>Receives until that ends. Returns why.</summary>
    private string Receive()
    {
        var next = HostVector.OfPinned(_reply);
        var have = 0;
        while (true)
        {
            while (have < NbdWire.ReplyLength)
            {
                var rest = next.Slice(have);
                var got = _socket.Receive(new ReadOnlySpan<HostVector>(in rest));
                if (got <= 0)
                    return Ended(got);
                have += (int)got;
            }
            have = 0;
            if (!NbdWire.TryDecodeReply(_reply, out var error, out var cookie))
                return "the server sent what is no reply";
            BlockTransfer? into;
            lock (_lock)
            {
                if (!_requests.TryFind(cookie, out into))
                    return "the server answered what was not asked";
            }
            if (error == 0 && into is not null)
            {
                // The next reply's header comes with this one's bytes, if it is there already.
                var left = into.Length;
                _incoming.Add(into.Vectors);
                _incoming.Add(next);
                while (left > 0)
                {
                    var got = _socket.Receive(_incoming.Rest);
                    if (got <= 0)
                        return Ended(got);
                    _incoming.Advance(got);
                    left -= got;
                }
                _incoming.Clear();
                have = (int)-left;
            }
            Answer(cookie, error);
        }
    }

    private void Answer(ulong cookie, uint error)
    {
        BlockTransfer? done;
        bool sends;
        lock (_lock)
        {
            done = _requests.Answered(cookie, error == 0);
            sends = TryBeginSending();
        }
        if (done is not null)
        {
            if (error != 0)
                _failed(done, ErrnoOf(error));
            done.Complete(ErrnoOf(error));
        }
        if (sends)
            SendAll(waits: false);
    }

    private void End(string reason)
    {
        _socket.Shutdown();
        lock (_lock)
            _isBroken = true;
        // Whoever sends is told by the socket, so this is short; after it nobody reads the transfers' memory.
        var spinner = default(SpinWait);
        while (IsSending)
            spinner.SpinOnce();
        _mustWait.Set();
        _sender?.Join();
        _mustWait.Dispose();
        _socket.Dispose();
        if (!_isClosing)
            _lost(this, reason);
        while (TryTakeAny(out var transfer))
            transfer.Complete(Errno.EIO);
        _ended.SetResult();
    }

    private bool TryTakeAny([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BlockTransfer? transfer)
    {
        lock (_lock)
            return _requests.TryTakeAny(out transfer);
    }

    private static string Ended(long result) => result == 0 ? "the server closed the connection" : $"nothing can be received: {(Errno)(int)-result}";

    // The protocol's numbers are Linux's; what it does not define counts as a fault of the medium.
    private static Errno ErrnoOf(uint error) => (Errno)error is Errno.None or Errno.EPERM or Errno.ENOMEM or Errno.EINVAL or Errno.ENOSPC or Errno.EOPNOTSUPP
        ? (Errno)error
        : Errno.EIO;
}
