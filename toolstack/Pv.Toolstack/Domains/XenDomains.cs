using System.Collections.Concurrent;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.Events;
using Pv.Toolstack.Hypervisor;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Domains;

/// <summary>The domains of one hypervisor, by hypercalls and xenstore: their building, their life, and what follows when they end.</summary>
public sealed partial class XenDomains : IDomains
{
    /// <summary>Ended domains that are remembered for whoever still asks what became of them.</summary>
    private const int Remembered = 256;

    private readonly ConcurrentDictionary<DomId, DomainRecord> _records = new();
    private readonly ConcurrentDictionary<DomId, DomainRecord> _ended = new();
    private readonly ConcurrentQueue<DomId> _endedInOrder = new();
    private readonly HypervisorControl _control;
    private readonly IXenStore _store;
    private readonly DomainAssembly _assembly;
    private readonly XenProcessors _processors;
    private readonly Action<string> _log;
    private readonly DateTimeOffset _started = DateTimeOffset.Now;
    private readonly Lock _names = new();
    private readonly EventFeed _events;

    /// <param name="control">The control calls.</param>
    /// <param name="store">A privileged client of xenstored.</param>
    /// <param name="assembly">What builds domains.</param>
    /// <param name="log">A line for <c>pvd</c>'s log.</param>
    public XenDomains(HypervisorControl control, IXenStore store, DomainAssembly assembly, Action<string> log)
    {
        (_control, _store, _assembly, _log) = (control, store, assembly, log);
        _events = new EventFeed(store, domain => _records.GetValueOrDefault(domain)?.Name ?? "");
        _processors = new XenProcessors(control, store, (domain, pool) =>
        {
            if (_records.TryGetValue(domain, out var record))
                record.Configuration.Pool = pool;
        });
    }

    /// <summary>A domain is about to be destroyed; consoles and back ends let go of it. Not told for Dom0.</summary>
    public event Func<DomId, Task>? Ending;

    /// <summary>How many domains there are besides Dom0.</summary>
    public int Count => _records.Count;

    /// <summary>The pCPUs that the domains run on.</summary>
    public IProcessors Processors => _processors;

    /// <summary>What happens to them.</summary>
    public IDomainEvents Events => _events;

    public Task<IReadOnlyList<DomainView>> ListAsync()
        => Task.FromResult<IReadOnlyList<DomainView>>([.. _control.ListDomains().Select(View)]);

    public Task<DomainView?> FindAsync(DomId domain)
        => Task.FromResult(_control.GetDomainInfo(domain) is { } info ? View(info) : null);

    public DomainConfiguration? ConfigurationOf(DomId domain) => _records.GetValueOrDefault(domain)?.Configuration;

    public void ReplaceConfiguration(DomId domain, DomainConfiguration configuration)
        => FindGuest(domain, "it has no configuration").SuccessorConfiguration = configuration;

    public Task PauseAsync(DomId domain)
    {
        if (domain == DomId.Dom0)
            throw new ToolstackException("Domain 0 is pvd itself and cannot be paused.");
        lock (TellingOf(domain))
        {
            var wasPaused = IsPaused(domain);
            Demand(_control.PauseDomain(domain), domain, "paused");
            if (!wasPaused)
                Tell(DomainEventKind.Paused, domain);
        }
        return Task.CompletedTask;
    }

    public async Task<bool> UnpauseAsync(DomId domain)
    {
        // One that is being built is paused, and not for others to start.
        if (_records.TryGetValue(domain, out var record))
            await record.Built;
        // What it does at once is told behind this.
        lock (TellingOf(domain))
        {
            var error = _control.UnpauseDomain(domain);
            if (error != Errno.EINVAL)
                Demand(error, domain, "unpaused");
            if (error == Errno.None && !IsPaused(domain))
                Tell(DomainEventKind.Running, domain);
            return error == Errno.None;
        }
    }

    public async Task RenameAsync(DomId domain, string name)
    {
        var record = Find(domain);
        string before;
        lock (_names)
        {
            DemandFree(name, except: record);
            before = record.Configuration.Name;
            record.Configuration.Name = name;
        }
        await _store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync($"{DomainNodes.Home(domain)}/name", name);
            await nodes.WriteAsync($"/vm/{record.Configuration.Uuid}/name", name);
        });
        Tell(DomainEventKind.Renamed, domain, ("from", before));
    }

    public async Task<ShutdownReason?> WaitForShutdownAsync(DomId domain, CancellationToken cancel)
        => Remember(domain) is { } record ? await record.Shutdown.WaitAsync(cancel) : null;

    public Task<ShutdownReason?> WaitForEndAsync(DomId domain, CancellationToken cancel)
        => Remember(domain) is { } record ? record.Lineage.Ended.WaitAsync(cancel) : Task.FromResult<ShutdownReason?>(null);

    public Task<DomId?> WaitForSuccessorAsync(DomId domain, CancellationToken cancel)
        => Remember(domain) is { } record ? record.Successor.WaitAsync(cancel) : Task.FromResult<DomId?>(null);

    /// <summary>A domain, or one that has ended not long ago: whoever asks is seldom as quick as a guest that reboots at once.</summary>
    private DomainRecord? Remember(DomId domain) => _records.GetValueOrDefault(domain) ?? _ended.GetValueOrDefault(domain);

    /// <summary>A domain is there no more.</summary>
    private void Forget(DomainRecord record)
    {
        _ended[record.Id] = record;
        _endedInOrder.Enqueue(record.Id);
        _records.TryRemove(record.Id, out _);
        if (_endedInOrder.Count > Remembered && _endedInOrder.TryDequeue(out var oldest))
            _ended.TryRemove(oldest, out _);
    }

    private bool IsPaused(DomId domain) => _control.GetDomainInfo(domain) is { } info && (info.Flags & DomainInfoFlags.Paused) != 0;

    private void Tell(DomainEventKind kind, DomId domain, params (string Name, object Value)[] details)
        => _events.Publish(new DomainEvent(kind, domain, _records.GetValueOrDefault(domain)?.Name ?? "") { Details = details });

    private void Tell(DomainEventKind kind, DomainRecord record, params (string Name, object Value)[] details)
        => _events.Publish(new DomainEvent(kind, record.Id, record.Name) { Details = details });

    /// <summary>What is held while a domain's state is changed and told; nothing that anybody else holds where there is no such domain.</summary>
    private Lock TellingOf(DomId domain) => _records.GetValueOrDefault(domain)?.Telling ?? new Lock();

    private DomainRecord Find(DomId domain)
        => _records.GetValueOrDefault(domain) ?? throw NoSuch(domain);

    /// <summary>Waits for a turn with a domain that is built. The store has its nodes until the turn ends: of one that is being built they are still to
    /// be made, and of one that was destroyed they would be made again.</summary>
    /// <exception cref="ToolstackException">It was destroyed meanwhile.</exception>
    private static async Task<DomainTurn.Held> EnterAsync(DomainRecord record, CancellationToken cancel = default)
    {
        var turn = await record.Turn.EnterAsync(cancel);
        if (!record.IsDestroyed)
            return turn;
        turn.Dispose();
        throw NoSuch(record.Id);
    }

    private static ToolstackException NoSuch(DomId domain) => new($"Domain {domain.Value} does not exist (rc=-21)");

    private DomainView View(DomctlGetDomainInfo info)
    {
        var record = _records.GetValueOrDefault(info.Domain);
        // One that is dying has no record any more; it shows until others let go of its frames.
        return new DomainView(
            info.Domain, info.Domain == DomId.Dom0 ? "Domain-0" : record?.Name ?? "(null)", new Guid((ReadOnlySpan<byte>)info.Handle.Bytes, bigEndian: true),
            info.Flags, info.ShutdownReason, info.TotalPages + info.OutstandingPages, info.OnlineVcpuCount, info.CpuTime, _processors.NameOf(info.CpuPool), record?.Started ?? _started)
        {
            Claimed = info.OutstandingPages,
            MostPages = info.MaxPages,
        };
    }

    /// <summary>Under the lock of names.</summary>
    private void DemandFree(string name, DomainRecord? except)
    {
        if (name == "Domain-0" || _records.Values.Any(record => record != except && record.Name == name))
            throw new ToolstackException($"Domain with name \"{name}\" already exists.", 3);
    }

    private static void Demand(Errno error, DomId domain, string done)
    {
        if (error != Errno.None)
            throw error == Errno.ESRCH ? NoSuch(domain) : new ToolstackException($"Domain {domain.Value} cannot be {done}: {error}");
    }
}
