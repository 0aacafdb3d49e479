using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Toolstack.Events;

/// <summary>One listener's queue. Whoever adds does not wait.</summary>
internal sealed class EventSubscription(Action<EventSubscription> remove) : IEventSubscription
{
    /// <summary>Events kept for a listener that does not read.</summary>
    private const int Kept = 4096;

    private readonly Channel<DomainEvent> _queue = Channel.CreateBounded<DomainEvent>(new BoundedChannelOptions(Kept) { SingleReader = true });
    private IXenStoreWatch? _watch;
    private Task _following = Task.CompletedTask;
    private int _lost;

    public void Add(DomainEvent happened)
    {
        if (!_queue.Writer.TryWrite(happened))
            Interlocked.Increment(ref _lost);
    }

    /// <summary>Adds what a watch makes of its paths, until this is disposed.</summary>
    public void Follow(IXenStoreWatch watch, Func<EventSubscription, string, Task> add)
    {
        _watch = watch;
        _following = FollowAsync();

        async Task FollowAsync()
        {
            await foreach (var path in watch.Events)
                await add(this, path);
        }
    }

    public async IAsyncEnumerable<DomainEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var next = await _queue.Reader.ReadAsync(cancel);
            yield return next;
            // What was lost came behind all that was kept.
            if (_queue.Reader.Count == 0 && Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
                yield return new DomainEvent(DomainEventKind.Lost, DomId.Dom0, "") { Details = [("count", lost)] };
        }
    }

    public async ValueTask DisposeAsync()
    {
        remove(this);
        if (_watch != null)
            await _watch.DisposeAsync();
        await _following;
    }
}
