using Pv.Toolstack.Control;

namespace Pv.Xl.Link;

/// <summary>Sends data that <c>pvd</c> asked for, no faster than it uses it: credit comes in on the receiving thread, senders wait here.</summary>
internal sealed class Outgoing(ControlLink link)
{
    private readonly object _lock = new();
    private int _credit = ControlProtocol.InputWindow;
    private bool _closed;

    public void Give(int bytes)
    {
        lock (_lock)
        {
            _credit += bytes;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The conversation is over; who waits goes on. What is sent from then on goes into the void.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Sends as frames of one kind. Blocks for credit; false when the conversation is over.</summary>
    public bool Send(FrameKind kind, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var part = Take(Math.Min(data.Length, ControlProtocol.MaxData), wait: true);
            if (part == 0)
                return false;
            if (!link.TrySend(new PayloadWriter(kind, part).Bytes(data[..part])))
                return false;
            data = data[part..];
        }
        return true;
    }

    /// <summary>Sends what credit there is allows, without waiting, and says how much that was.</summary>
    public int SendSome(FrameKind kind, ReadOnlySpan<byte> data)
    {
        var part = Take(Math.Min(data.Length, ControlProtocol.MaxData), wait: false);
        if (part > 0)
            link.TrySend(new PayloadWriter(kind, part).Bytes(data[..part]));
        return part;
    }

    private int Take(int wanted, bool wait)
    {
        lock (_lock)
        {
            while (wait && _credit == 0 && !_closed)
                Monitor.Wait(_lock);
            var part = _closed ? 0 : Math.Min(wanted, _credit);
            _credit -= part;
            return part;
        }
    }
}
