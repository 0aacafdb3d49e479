using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pv.Toolstack.Control;

namespace Pv.Dom0.Control;

/// <summary>Listens on <c>control.socket</c> and serves every <c>xl</c> that comes.</summary>
public sealed partial class ControlServer(RunDirectory directory, CommandHandler run, ILogger<ControlServer> log) : IHostedService, IDisposable
{
    /// <summary>What <c>pvd</c> calls itself to <c>xl</c>.</summary>
    public const string Program = "pvd (Pv) 0.1";

    /// <summary>How long <c>pvd</c>, when it leaves, waits for output to be taken.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, byte> _conversations = [];
    private Task _accepting = Task.CompletedTask;

    /// <summary>How many commands are running.</summary>
    public int Conversations => _conversations.Count;

    /// <summary>The socket is bound when this returns. The caller holds the run directory's lock, so a socket found there is a dead one's.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        File.Delete(directory.ControlSocket);
        _listener.Bind(new UnixDomainSocketEndPoint(directory.ControlSocket));
        _listener.Listen(512);
        _accepting = AcceptAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _accepting;
        File.Delete(directory.ControlSocket);
        await Task.WhenAll(_conversations.Keys).WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_stop.Token);
                var conversation = ServeAsync(socket);
                _conversations.TryAdd(conversation, 0);
                _ = conversation.ContinueWith(done => _conversations.TryRemove(done, out _), TaskScheduler.Default);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, for instance. Whoever waits is served when there are some again.
                LogAcceptFailed(e.Message);
                await Task.Delay(100);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        using var connection = socket;
        using var done = new CancellationTokenSource();
        var pipes = new SocketPipes(socket);
        var moving = pipes.RunAsync(done.Token);
        try
        {
            await ControlConnection.ServeAsync(new FrameChannel(pipes.Input, pipes.Output), Program, run, _stop.Token);
        }
        catch (Exception e)
        {
            LogConversationFailed(e);
        }
        await done.CancelAsync();
        // A stopped terminal may take its last output late, and costs nothing until then; but it does not keep pvd from leaving.
        try
        {
            await moving.WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAny(moving, Task.Delay(Farewell));
        }
    }

    [LoggerMessage(LogLevel.Error, "A conversation failed")]
    private partial void LogConversationFailed(Exception reason);

    [LoggerMessage(LogLevel.Warning, "No connection could be accepted: {Reason}")]
    private partial void LogAcceptFailed(string reason);
}
