using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>
/// What a client is still to be told, as the bytes that its stream will take. An event that waits already is not put in again: it says all
/// that a second one would, so a client that does not listen costs what it watches, and no more. xenstored's own events are told one by one:
/// their watchers count on it.
/// </summary>
internal sealed class OutgoingMessages(BufferPool buffers)
{
    /// <summary>As many waiting events, among so many bytes, are compared one by one; more are worth a set.</summary>
    private const int ComparedEvents = 8, ComparedBytes = 1 << 14;

    /// <summary>Longer buffers are not kept for others: only who does not listen needs them.</summary>
    private const int MostPooled = 1 << 16;

    private byte[]? _bytes;

    /// <summary>The first byte that the stream has not taken, and the message that it belongs to.</summary>
    private int _start, _message;

    private int _end;

    private int _events;

    /// <summary>The events that wait, once they are many.</summary>
    private HashSet<(string Path, string Token)>? _eventSet;

    public bool IsEmpty => _start == _end;

    /// <summary>Bytes that wait.</summary>
    public int Bytes => _end - _start;

    /// <summary>Replies among the messages that are not taken whole.</summary>
    public int Replies { get; private set; }

    public ReadOnlySpan<byte> Unsent => _bytes.AsSpan(_start, _end - _start);

    public void Add(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload)
    {
        var room = Room(XenStoreHeader.WireSize + payload.Length);
        MessageEncoder.EncodeHeader(room, type, requestId, transactionId, payload.Length);
        payload.CopyTo(room[XenStoreHeader.WireSize..]);
        Replies++;
    }

    public static int BytesOfEvent(string path, string token) => XenStoreHeader.WireSize + path.Length + 1 + token.Length + 1;

    public void AddEvent(string path, string token)
    {
        var isCounted = StorePath.IsSpecial(path);
        if (!isCounted && _eventSet is { } many && !many.Add((path, token)))
            return;
        var length = BytesOfEvent(path, token);
        var room = Room(length);
        MessageEncoder.EncodeHeader(room, XenStoreMessageType.WatchEvent, 0, 0, length - XenStoreHeader.WireSize);
        var text = room[XenStoreHeader.WireSize..];
        Encoding.Latin1.GetBytes(path, text);
        text[path.Length] = 0;
        Encoding.Latin1.GetBytes(token, text[(path.Length + 1)..]);
        text[^1] = 0;
        if (!isCounted && _eventSet is null && _events > 0 && Waits(room))
        {
            _end -= length;
            return;
        }
        _events++;
        if (_eventSet is null && (_events > ComparedEvents || _end > ComparedBytes))
            MakeEventSet();
    }

    /// <summary>The stream took <paramref name="count"/> bytes, and no more for now.</summary>
    public void Taken(int count)
    {
        _start += count;
        if (_start == _end)
        {
            Clear();
            return;
        }
        while (_start - _message >= LengthAt(_message))
            Leave();
    }

    public void Clear()
    {
        if (_bytes is not null)
            Return(_bytes);
        _bytes = null;
        (_start, _message, _end) = (0, 0, 0);
        Replies = 0;
        _events = 0;
        _eventSet = null;
    }

    /// <summary>The first message went whole.</summary>
    private void Leave()
    {
        if (TypeAt(_message) == XenStoreMessageType.WatchEvent)
        {
            _events--;
            _eventSet?.Remove(EventAt(_message));
        }
        else
        {
            Replies--;
        }
        _message += LengthAt(_message);
    }

    /// <summary>Whether the last message, which is an event, is there already.</summary>
    private bool Waits(ReadOnlySpan<byte> last)
    {
        for (var at = _message; at < _end - last.Length; at += LengthAt(at))
        {
            if (_bytes.AsSpan(at, LengthAt(at)).SequenceEqual(last))
                return true;
        }
        return false;
    }

    private void MakeEventSet()
    {
        _eventSet = [];
        for (var at = _message; at < _end; at += LengthAt(at))
        {
            if (TypeAt(at) == XenStoreMessageType.WatchEvent)
                _eventSet.Add(EventAt(at));
        }
    }

    private XenStoreMessageType TypeAt(int message) => (XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(message));

    private int LengthAt(int message) => XenStoreHeader.WireSize + BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(message + 12));

    private (string Path, string Token) EventAt(int message)
    {
        var payload = _bytes.AsSpan(message + XenStoreHeader.WireSize, LengthAt(message) - XenStoreHeader.WireSize);
        var zero = payload.IndexOf((byte)0);
        return (Encoding.Latin1.GetString(payload[..zero]), Encoding.Latin1.GetString(payload[(zero + 1)..^1]));
    }

    /// <summary>Takes that many bytes behind all others.</summary>
    private Span<byte> Room(int count)
    {
        _bytes ??= Rent(count);
        if (_bytes.Length - _end < count)
            Grow(count);
        var room = _bytes.AsSpan(_end, count);
        _end += count;
        return room;
    }

    /// <summary>Room in front is used before more is taken; the message that is half sent stays whole.</summary>
    private void Grow(int count)
    {
        var kept = _bytes.AsSpan(_message, _end - _message);
        var before = _bytes!;
        // Moving pays only where much is free: each byte moves once for each that was sent.
        if (_message < _bytes!.Length / 2 || _bytes.Length - kept.Length < count)
            _bytes = Rent(Math.Max(2 * kept.Length, kept.Length + count));
        kept.CopyTo(_bytes);
        (_start, _end, _message) = (_start - _message, kept.Length, 0);
        if (before != _bytes)
            Return(before);
    }

    private byte[] Rent(int count) => count switch
    {
        _ when count <= buffers.Size => buffers.Rent(),
        <= MostPooled => ArrayPool<byte>.Shared.Rent(count),
        _ => GC.AllocateUninitializedArray<byte>(count),
    };

    private void Return(byte[] bytes)
    {
        if (bytes.Length == buffers.Size)
            buffers.Return(bytes);
        else if (bytes.Length <= MostPooled)
            ArrayPool<byte>.Shared.Return(bytes);
    }
}
