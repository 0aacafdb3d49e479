namespace Pv.Toolstack.Events;

/// <summary>What happens to domains, as it happens.</summary>
public interface IDomainEvents
{
    /// <summary>Listens from now on.</summary>
    /// <param name="devices">Device states, too.</param>
    Task<IEventSubscription> SubscribeAsync(bool devices);
}

/// <summary>One listener. Its slowness is its own: what does not fit is told as lost. Disposing ends it.</summary>
public interface IEventSubscription : IAsyncDisposable
{
    /// <summary>In the order in which it happened; ends with the cancellation, by an exception.</summary>
    IAsyncEnumerable<DomainEvent> ReadAsync(CancellationToken cancel);
}
