using System.Net.Sockets;
using Pv.XenStore;

namespace Pv.Dom0.Channels;

/// <summary>
/// A channel as a Unix socket that programs connect to (<c>connection=socket</c>), one at a time; the next is served when the one before has closed.
/// Nothing is lost between a program and the guest while both are there, and each waits for the other. What the guest says to nobody is dropped.
/// </summary>
internal sealed class ChannelSocket : IChannelPort
{
    private const int ChunkBytes = 1024;

    /// <summary>How long a program that does not read holds up the end of its channel.</summary>
    private static readonly TimeSpan LastWordsPatience = TimeSpan.FromSeconds(1);

    private readonly Socket _listener;
    private readonly ChannelLine _line;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _noMoreWords = new();
    private readonly Task _serving;
    private volatile Client? _client;

    /// <summary>Listens at a path; a socket that nobody serves is replaced.</summary>
    /// <exception cref="IOException">It cannot.</exception>
    public ChannelSocket(string path, string name, ChannelLine line, Action<string> log)
    {
        _listener = SocketFile.Listen(path, name);
        (_line, _log) = (line, log);
        _serving = Task.Run(ServeAsync);
    }

    public async ValueTask HearAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_client is not { } client)
            return;
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await client.Socket.SendAsync(bytes, SocketFlags.None, _noMoreWords.Token)..];
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It has closed, or does not read at the end.
            client.Leave();
        }
    }

    public void BeginEnd()
    {
        try
        {
            _noMoreWords.CancelAfter(LastWordsPatience);
        }
        catch (ObjectDisposedException)
        {
            // Somebody else has ended it: its domain, or one that takes its place over.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        // With its file.
        _listener.Dispose();
        _stop.Dispose();
        _noMoreWords.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = new Client(await _listener.AcceptAsync(_stop.Token), _stop.Token);
                _client = client;
                await ListenAsync(client);
            }
            catch (OperationCanceledException)
            {
                // The end, which the loop sees, or the program has left while the guest took nothing.
            }
            catch (SocketException failure)
            {
                // Out of descriptors, for instance. Whoever waits is served when there are some again.
                _log($"its socket: {failure.Message}");
                await Task.Delay(100);
            }
            finally
            {
                _client = null;
            }
        }
    }

    /// <summary>Hands the guest what a program writes, until it closes.</summary>
    private async Task ListenAsync(Client client)
    {
        var chunk = new byte[ChunkBytes];
        var left = client.Left;
        try
        {
            while (await client.Socket.ReceiveAsync(chunk, SocketFlags.None, left) is > 0 and var read)
                await _line.WriteAsync(chunk.AsMemory(0, read), left);
        }
        catch (SocketException)
        {
            // It has gone without closing.
        }
    }

    /// <summary>A program that is connected.</summary>
    private sealed class Client(Socket socket, CancellationToken stop) : IDisposable
    {
        private readonly CancellationTokenSource _left = CancellationTokenSource.CreateLinkedTokenSource(stop);

        public Socket Socket => socket;

        /// <summary>It is served no longer.</summary>
        public CancellationToken Left => _left.Token;

        public void Leave()
        {
            try
            {
                _left.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It has left already.
            }
        }

        public void Dispose()
        {
            socket.Dispose();
            _left.Dispose();
        }
    }
}
