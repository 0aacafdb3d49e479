using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Pv.Guest;

namespace Pv.XenStore;

/// <summary>
/// A watch of a client in this process. Its events wait until somebody reads them: each path once, and when a guest makes them too many,
/// the watch's own path in place of the rest, which tells the reader to look at all of it again.
/// </summary>
internal sealed class StoreWatch(StoreSession session, string path, string token) : IXenStoreWatch
{
    private const int MostWaiting = 1024;

    private readonly Channel<string> _events = Channel.CreateUnbounded<string>(new() { SingleReader = true });

    /// <summary>What waits, and is its own lock. xenstored's own events are told one by one and are not in it.</summary>
    private readonly HashSet<string> _waiting = new(StringComparer.Ordinal);

    private int _isDisposed;

    public string Path { get; } = path;

    public string Token { get; } = token;

    public IAsyncEnumerable<string> Events => ReadAsync();

    public void Tell(string changed)
    {
        if (!StorePath.IsSpecial(changed))
        {
            lock (_waiting)
            {
                if (_waiting.Count >= MostWaiting)
                    changed = Path;
                if (!_waiting.Add(changed))
                    return;
            }
        }
        _events.Writer.TryWrite(changed);
    }

    public void End() => _events.Writer.TryComplete();

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return ValueTask.CompletedTask;
        End();
        return session.UnwatchAsync(this);
    }

    private async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var changed in _events.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
        {
            // Before it is told: what changes from now on is told again.
            lock (_waiting)
                _waiting.Remove(changed);
            yield return changed;
        }
    }
}
