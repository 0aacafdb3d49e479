using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Toolstack.Events;

/// <summary>Gives what happens to all who listen. Publishing never waits; with nobody listening it costs a look.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class EventFeed(IXenStore store, Func<DomId, string> nameOf) : IDomainEvents
{
    /// <summary>Back ends' nodes are Dom0's own, so that no guest can make this watch busy.</summary>
    private const string BackEnds = "/local/domain/0/backend";

    private readonly Lock _lock = new();
    private EventSubscription[] _listeners = [];

    public void Publish(DomainEvent happened)
    {
        if (Volatile.Read(ref _listeners).Length == 0)
            return;
        lock (_lock)
        {
            var told = Now(happened);
            foreach (var listener in _listeners)
                listener.Add(told);
        }
    }

    /// <summary>Under the lock: the order of the events is that of their times.</summary>
    private static DomainEvent Now(DomainEvent happened) => happened with { Time = DateTimeOffset.UtcNow };

    public async Task<IEventSubscription> SubscribeAsync(bool devices)
    {
        var listener = new EventSubscription(Remove);
        lock (_lock)
            _listeners = [.. _listeners, listener];
        if (devices)
            listener.Follow(await store.WatchAsync(BackEnds), AddDeviceAsync);
        return listener;
    }

    private void Remove(EventSubscription listener)
    {
        lock (_lock)
            _listeners = [.. _listeners.Where(other => other != listener)];
    }

    /// <summary>Turns the change of a node into an event, if it is a back end's state: <c>…/backend/KIND/DOMID/DEVICE/state</c>.</summary>
    private async Task AddDeviceAsync(EventSubscription listener, string path)
    {
        if (!path.StartsWith(BackEnds + "/", StringComparison.Ordinal) || path[(BackEnds.Length + 1)..].Split('/') is not [var kind, var id, var device, "state"]
            || !ushort.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return;
        var state = await store.ReadAsync(path);
        var domain = new DomId(number);
        var happened = new DomainEvent(DomainEventKind.Device, domain, nameOf(domain))
        {
            Details = [("device", $"{kind}/{device}"), ("state", state == null ? "removed" : XenbusEnd.Parse(state).ToString().ToLowerInvariant())],
        };
        lock (_lock)
            listener.Add(Now(happened));
    }
}
