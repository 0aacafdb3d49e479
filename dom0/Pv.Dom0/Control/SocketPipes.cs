using System.IO.Pipelines;
using System.Net.Sockets;

namespace Pv.Dom0.Control;

/// <summary>A socket as a pair of pipes, with a loop for each direction.</summary>
/// <remarks>Backpressure is the pipes': what is not read here is not read from the socket.</remarks>
internal sealed class SocketPipes(Socket socket)
{
    private readonly Pipe _incoming = new();
    private readonly Pipe _outgoing = new();

    /// <summary>What the other side sent.</summary>
    public PipeReader Input => _incoming.Reader;

    /// <summary>What is sent to the other side.</summary>
    public PipeWriter Output => _outgoing.Writer;

    /// <summary>Runs both loops until the other side has closed (or cancellation), and all output is sent or cannot be.</summary>
    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(ReceiveAsync(cancel), SendAsync());

    private async Task ReceiveAsync(CancellationToken cancel)
    {
        Exception? end = null;
        try
        {
            while (true)
            {
                var read = await socket.ReceiveAsync(_incoming.Writer.GetMemory(4096), SocketFlags.None, cancel);
                if (read == 0)
                    break;
                _incoming.Writer.Advance(read);
                if ((await _incoming.Writer.FlushAsync(cancel)).IsCompleted)
                    break;
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            end = e is OperationCanceledException ? null : new IOException("The connection broke.", e);
        }
        await _incoming.Writer.CompleteAsync(end);
    }

    private async Task SendAsync()
    {
        Exception? end = null;
        try
        {
            while (true)
            {
                var result = await _outgoing.Reader.ReadAsync();
                foreach (var part in result.Buffer)
                    await SendAllAsync(part);
                _outgoing.Reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    break;
            }
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            end = e;
        }
        await _outgoing.Reader.CompleteAsync(end);
    }

    private async ValueTask SendAllAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
    }
}
