using System.Threading.Channels;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>A watch of a client in this process. Its events wait until somebody reads them.</summary>
internal sealed class StoreWatch(StoreSession session, string path, string token) : IXenStoreWatch
{
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>(new() { SingleReader = true });
    private int _isDisposed;

    public string Path { get; } = path;

    public string Token { get; } = token;

    public IAsyncEnumerable<string> Events => _events.Reader.ReadAllAsync();

    public void Tell(string changed) => _events.Writer.TryWrite(changed);

    public void End() => _events.Writer.TryComplete();

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return ValueTask.CompletedTask;
        End();
        return session.UnwatchAsync(this);
    }
}
