using Pv.Abi;
using Pv.Config.Domain;

namespace Pv.Toolstack.Domains;

/// <summary>What the toolstack keeps of a domain that it built.</summary>
internal sealed class DomainRecord(DomId id, DomainConfiguration configuration, CreateOptions options, Lineage lineage)
{
    private readonly TaskCompletionSource<ShutdownReason?> _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public DomId Id => id;

    public DomainConfiguration Configuration => configuration;

    public CreateOptions Options => options;

    public Lineage Lineage => lineage;

    public string Name { get; set; } = configuration.Name;

    public DateTimeOffset Started { get; init; }

    /// <summary>Held while something is done to the domain as a whole.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>Why it shut down, once it has; null when it was destroyed instead.</summary>
    public Task<ShutdownReason?> Shutdown => _shutdown.Task;

    /// <summary>Set under <see cref="Turn"/>, once.</summary>
    public bool IsDestroyed { get; set; }

    /// <summary>True the first time.</summary>
    public bool NoteShutdown(ShutdownReason? reason) => _shutdown.TrySetResult(reason);
}

/// <summary>A domain and those that its restarts made of it: one thing to whoever waits for its end.</summary>
internal sealed class Lineage
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Ended => _ended.Task;

    public void End() => _ended.TrySetResult();
}
