using Pv.Abi;
using Pv.Config.Domain;

namespace Pv.Toolstack.Domains;

/// <summary>What the toolstack keeps of a domain that it built.</summary>
internal sealed class DomainRecord(DomId id, DomainConfiguration configuration, CreateOptions options, Lineage lineage)
{
    private readonly TaskCompletionSource<ShutdownReason?> _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DomId?> _successor = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly TaskCompletionSource _built = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _abandoned = new();
    private bool _isSuspended;

    public DomId Id => id;

    /// <summary>What a restart builds from: it follows what commands change. One that is set aside for its restart gets another.</summary>
    public DomainConfiguration Configuration { get; set; } = configuration;

    /// <summary>What a restart builds from instead, once somebody has replaced it (<c>xl config-update</c>).</summary>
    public DomainConfiguration? SuccessorConfiguration { get; set; }

    /// <summary>It is a C# guest.</summary>
    public bool IsManaged { get; init; }

    public CreateOptions Options => options;

    public Lineage Lineage => lineage;

    public string Name => Configuration.Name;

    public DateTimeOffset Started { get; init; }

    /// <summary>Held while something is done to the domain as a whole: from the first by its building, so that nobody ends or starts half of one.</summary>
    public DomainTurn Turn { get; } = new(isOpen: false);

    /// <summary>Completes when it is built, or will not be.</summary>
    public Task Built => _built.Task;

    /// <summary>Held while a disk is attached, detached or changed, which may take as long as its kernel likes.</summary>
    public DomainTurn DiskTurn { get; } = new(isOpen: true);

    /// <summary>The disks that it has, by number. Under the lock of shared disks.</summary>
    public Dictionary<int, Disks.DiskPlan> Disks { get; } = [];

    /// <summary>Why it shut down, once it has; null when it was destroyed instead.</summary>
    public Task<ShutdownReason?> Shutdown => _shutdown.Task;

    /// <summary>The domain that a restart made of it; null once there will be none.</summary>
    public Task<DomId?> Successor => _successor.Task;

    /// <summary>It has made room for its restart, to which it leaves the lineage. Set under <see cref="Turn"/>.</summary>
    public bool IsSetAside { get; set; }

    /// <summary>Held while its state is changed and that is told, so that what happens to it is told in its order.</summary>
    public Lock Telling { get; } = new();

    /// <summary>Set under <see cref="Turn"/>, once: whoever sets it says what follows.</summary>
    public bool IsDestroyed { get; set; }

    /// <summary>Whether its creation was told, so that its end is to be told, too.</summary>
    public bool IsTold { get; set; }

    /// <summary>Cancelled when somebody wants its end while it is built, which may wait for a person at a boot loader.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    public Task AbandonAsync() => _abandoned.CancelAsync();

    /// <summary>Its building is over: others have their turn.</summary>
    public void EndBuilding()
    {
        _built.TrySetResult();
        Turn.Open();
    }

    /// <summary>True the first time since it was resumed.</summary>
    public bool NoteSuspension() => !Interlocked.Exchange(ref _isSuspended, true);

    public void NoteResumption() => _isSuspended = false;

    /// <summary>True the first time.</summary>
    public bool NoteShutdown(ShutdownReason? reason) => _shutdown.TrySetResult(reason);

    /// <summary>The first word counts.</summary>
    public void NoteSuccessor(DomId? successor) => _successor.TrySetResult(successor);

    /// <summary>Nothing comes after it.</summary>
    public void EndLineage()
    {
        NoteSuccessor(null);
        Lineage.End(Shutdown.IsCompletedSuccessfully ? Shutdown.Result : null);
    }
}

/// <summary>A domain and those that its restarts made of it: one thing to whoever waits for its end.</summary>
internal sealed class Lineage
{
    private readonly TaskCompletionSource<ShutdownReason?> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _abandoned = new();

    /// <summary>Why the last of them shut down; null if it was destroyed instead.</summary>
    public Task<ShutdownReason?> Ended => _ended.Task;

    /// <summary>The newest, once it has a number.</summary>
    public DomainRecord? Last { get; set; }

    /// <summary>No restart may follow any more.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    public Task AbandonAsync() => _abandoned.CancelAsync();

    public void End(ShutdownReason? reason) => _ended.TrySetResult(reason);
}
