using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl.Link;

/// <summary>
/// Sends standard input to <c>pvd</c> and watches it for the escape character, which works even while nobody reads what was typed.
/// </summary>
/// <remarks>Its thread outlives the need for input, blocked in a read: one that came too late is kept for whoever asks next.</remarks>
internal sealed class InputPump(ControlLink link, Outgoing outgoing)
{
    private const int NoEscape = 0xffff;

    private readonly object _lock = new();
    private readonly byte[] _waiting = new byte[ControlProtocol.InputWindow];
    private Thread? _reader;
    private int _length;
    private int _escape = NoEscape;
    private bool _wanted, _ended;

    /// <summary>Input is wanted from now on. <paramref name="escape"/> is the byte that ends it, or 0xffff.</summary>
    public void Open(int escape)
    {
        lock (_lock)
        {
            (_wanted, _escape) = (true, escape);
            if (_ended)
                SendEnd(InputEnding.EndOfFile);
            Monitor.PulseAll(_lock);
            if (_reader != null)
                return;
            _reader = new Thread(Read, 128 << 10) { IsBackground = true, Name = "input" };
            _reader.Start();
        }
    }

    public void Close()
    {
        lock (_lock)
            _wanted = false;
    }

    /// <summary>Sends what was held back, as far as the credit goes that has come in.</summary>
    public void GoOn()
    {
        lock (_lock)
        {
            if (_wanted && _length > 0)
                SendWaiting();
            Monitor.PulseAll(_lock);
        }
    }

    private void Read()
    {
        var isTerminal = Tty.IsTerminal(0);
        var chunk = new byte[4096];
        while (true)
        {
            var read = StandardStream.Read(chunk);
            lock (_lock)
            {
                while (!_wanted)
                    Monitor.Wait(_lock);
                if (!Take(chunk.AsSpan(0, read), isTerminal))
                    return;
            }
        }
    }

    /// <summary>False when this was the last of the input.</summary>
    private bool Take(ReadOnlySpan<byte> chunk, bool isTerminal)
    {
        var end = _escape == NoEscape ? -1 : chunk.IndexOf((byte)_escape);
        var typed = end < 0 ? chunk : chunk[..end];
        // A terminal is read on while nothing drains, or the escape would not be seen; what then does not fit is lost, as on a serial line.
        while (!isTerminal && typed.Length > _waiting.Length - _length)
            Monitor.Wait(_lock);
        typed = typed[..Math.Min(typed.Length, _waiting.Length - _length)];
        typed.CopyTo(_waiting.AsSpan(_length));
        _length += typed.Length;
        SendWaiting();
        if (end >= 0)
        {
            _wanted = false;
            _length = 0;
            SendEnd(InputEnding.Escape);
            return true;
        }
        if (!chunk.IsEmpty)
            return true;
        while (_length > 0)
            Monitor.Wait(_lock);
        _ended = true;
        SendEnd(InputEnding.EndOfFile);
        return false;
    }

    private void SendWaiting()
    {
        while (_length > 0)
        {
            var sent = outgoing.SendSome(FrameKind.Input, _waiting.AsSpan(0, _length));
            if (sent == 0)
                return;
            _waiting.AsSpan(sent, _length - sent).CopyTo(_waiting);
            _length -= sent;
        }
    }

    private void SendEnd(InputEnding ending) => link.TrySend(new PayloadWriter(FrameKind.InputEnd).U8((byte)ending));
}
