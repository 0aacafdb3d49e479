using System.Runtime.InteropServices;
using System.Text;
using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// A client's end of the xenstore protocol over a ring (<c>public/io/xs_wire.h</c>): numbers requests, sends them whole and in order,
/// and gives each reply to the one who waits for it and each watch event to its watch.
/// </summary>
/// <remarks>In turns only. When the ring is lost every request that waits, and every later one, fails.</remarks>
internal sealed class XenStoreConnection
{
    private readonly ByteRingChannel _ring;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly Dictionary<uint, TaskCompletionSource<Reply>> _waiting = [];
    private readonly Dictionary<string, XenStoreWatch> _watches = [];
    private uint _lastRequest;
    private uint _lastToken;
    private Exception? _lost;

    public XenStoreConnection(ByteRingChannel ring)
    {
        _ring = ring;
    }

    /// <summary>Receives until the ring is lost or closed.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (await ReceiveAsync())
            {
                // One message after the other.
            }
            Lose(new ObjectDisposedException(nameof(XenStoreConnection)));
        }
        catch (Exception failure) when (failure is RingCorruptException or InvalidDataException)
        {
            Lose(failure);
        }
    }

    /// <summary>Sends a request and waits for what answers it.</summary>
    /// <exception cref="XenStoreException">The store refused.</exception>
    public async Task<byte[]> RequestAsync(XenStoreMessageType type, uint transaction, string subject, params string[] parts)
    {
        var payload = Encode(parts, type == XenStoreMessageType.Write);
        if (payload.Length > XenStoreLimits.PayloadBytes)
            throw new XenStoreException(Errno.E2BIG, type, subject);
        if (_lost is not null)
            throw new IOException("The connection to xenstore is lost.", _lost);
        var id = ++_lastRequest;
        var waiter = new TaskCompletionSource<Reply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Add(id, waiter);
        await SendAsync(new XenStoreHeader { Type = type, RequestId = id, TransactionId = transaction, Length = (uint)payload.Length }, payload);
        var reply = await waiter.Task;
        if (reply.Type == XenStoreMessageType.Error)
            throw new XenStoreException(ErrorOf(reply.Payload), type, subject);
        if (reply.Type != type)
            throw new InvalidDataException($"xenstore answered {reply.Type} to {type}.");
        return reply.Payload;
    }

    public async Task<XenStoreWatch> WatchAsync(string path)
    {
        var watch = new XenStoreWatch(this, path, $"{++_lastToken}");
        _watches.Add(watch.Token, watch);
        try
        {
            await RequestAsync(XenStoreMessageType.Watch, 0, path, path, watch.Token);
            return watch;
        }
        catch
        {
            _watches.Remove(watch.Token);
            throw;
        }
    }

    public async Task UnwatchAsync(XenStoreWatch watch)
    {
        if (!_watches.Remove(watch.Token) || _lost is not null)
            return;
        await RequestAsync(XenStoreMessageType.Unwatch, 0, watch.Path, watch.Path, watch.Token);
    }

    private async Task SendAsync(XenStoreHeader header, byte[] payload)
    {
        var message = new byte[XenStoreHeader.WireSize + payload.Length];
        MemoryMarshal.Write(message, header);
        payload.CopyTo(message, XenStoreHeader.WireSize);
        await _sending.WaitAsync();
        try
        {
            await _ring.WriteAsync(message);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task<bool> ReceiveAsync()
    {
        var head = new byte[XenStoreHeader.WireSize];
        if (!await FillAsync(head))
            return false;
        var header = MemoryMarshal.Read<XenStoreHeader>(head);
        if (header.Length > XenStoreLimits.PayloadBytes)
            throw new InvalidDataException($"xenstore sent a message of {header.Length} bytes.");
        var payload = new byte[header.Length];
        if (!await FillAsync(payload))
            return false;
        if (header.Type == XenStoreMessageType.WatchEvent)
            Fire(payload);
        else if (_waiting.Remove(header.RequestId, out var waiter))
            waiter.SetResult(new Reply(header.Type, payload));
        return true;
    }

    private async Task<bool> FillAsync(Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var read = await _ring.ReadAsync(buffer);
            if (read == 0)
                return false;
            buffer = buffer[read..];
        }
        return true;
    }

    private void Fire(byte[] payload)
    {
        var parts = Text(payload).Split('\0');
        // The event of a watch that was just given up may still be on its way.
        if (parts.Length >= 2 && _watches.TryGetValue(parts[1], out var watch))
            watch.Fire(parts[0]);
    }

    private void Lose(Exception reason)
    {
        _lost = reason;
        foreach (var waiter in _waiting.Values)
            waiter.SetException(new IOException("The connection to xenstore is lost.", reason));
        _waiting.Clear();
        foreach (var watch in _watches.Values)
            watch.End();
        _watches.Clear();
    }

    /// <summary>Every part ends in a NUL, save the value of a write, which is as long as the message leaves it.</summary>
    private static byte[] Encode(string[] parts, bool isWrite)
        => Encoding.Latin1.GetBytes(isWrite ? string.Join('\0', parts) : string.Concat(parts.Select(part => part + '\0')));

    private static Errno ErrorOf(byte[] payload) => Enum.TryParse<Errno>(Text(payload).TrimEnd('\0'), out var errno) ? errno : Errno.EIO;

    internal static string Text(byte[] payload) => Encoding.Latin1.GetString(payload);

    private readonly record struct Reply(XenStoreMessageType Type, byte[] Payload);
}
