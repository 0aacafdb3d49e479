using Pv.Abi;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.BootLoaders;
using Pv.Toolstack.Building;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Domains;

/// <content>From a configuration to a running domain.</content>
public sealed partial class XenDomains
{
    public async Task<DomId> CreateAsync(DomainConfiguration configuration, CreateOptions options, CancellationToken cancel)
    {
        var lineage = new Lineage();
        try
        {
            var domain = (await CreateAsync(configuration, options, lineage, cancel)).Id;
            if (options.Life.CanBeCanceled)
            {
                var registration = options.Life.Register(() => _ = Task.Run(() => AbandonAsync(lineage)));
                _ = lineage.Ended.ContinueWith(_ => registration.Dispose(), TaskScheduler.Default);
            }
            return domain;
        }
        catch
        {
            lineage.End(null);
            throw;
        }
    }

    /// <summary>Ends the newest domain of a lineage, for good.</summary>
    private async Task AbandonAsync(Lineage lineage)
    {
        // First no more, then none: a restart that does not see the first is seen by the second.
        await lineage.AbandonAsync();
        if (lineage.Last is not { } last)
            return;
        await TryEndAsync(last);
        last.EndLineage();
    }

    private async Task<DomainRecord> CreateAsync(DomainConfiguration configuration, CreateOptions options, Lineage lineage, CancellationToken cancel)
    {
        var plan = await DomainAssembly.PlanAsync(configuration, options.Directory, cancel);
        var record = Reserve(plan, options, lineage);
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancel, record.Abandoned);
        cancel = abandoned.Token;
        try
        {
            if (plan.BootLoader is { } call)
                plan = await ChooseAsync(record, plan, call, cancel);
            configuration = plan.Configuration;
            var built = _assembly.Build(plan, record.Id);
            _processors.Place(record.Id, configuration);
            cancel.ThrowIfCancellationRequested();
            await DomainNodes.MakeAsync(_store, record.Id, configuration, built, record.Started);
            await ConnectDisksAsync(record, plan.Disks, cancel);
            await AnnounceChannelsAsync(record.Id, plan.Channels);
            await OfferStoreAsync(record.Id, configuration);
            await _store.IntroduceAsync(record.Id, new Pfn(built.XenStorePage), built.XenStorePort);
            if (Introduced is { } introduced)
                await introduced(record.Id, built);
            if (plan.BootLoader == null && options.BeforeStart is { } beforeStart)
                await beforeStart(record.Id);
            cancel.ThrowIfCancellationRequested();
            // All of it is told first: nothing that the domain does comes before.
            _log($"domain {record.Id.Value} ({record.Name}) created");
            lock (record.Telling)
            {
                record.IsTold = true;
                Tell(DomainEventKind.Created, record);
                Tell(options.Paused ? DomainEventKind.Paused : DomainEventKind.Running, record);
                if (!options.Paused)
                    _control.UnpauseDomain(record.Id).OrThrow("XEN_DOMCTL_unpausedomain");
            }
            record.EndBuilding();
            return record;
        }
        catch (Exception e)
        {
            record.EndBuilding();
            await TryEndAsync(record);
            record.NoteSuccessor(null);
            throw e switch
            {
                ImageException or InvalidDataException => new ToolstackException(e.Message, Failed),
                HypercallException or XenStoreException => new ToolstackException($"The domain could not be built: {e.Message}", Failed),
                ToolstackException refused => new ToolstackException(refused.Message, Failed),
                OperationCanceledException when record.Abandoned.IsCancellationRequested => new ToolstackException($"Domain {record.Name} was destroyed before it was built.", Failed),
                _ => e,
            };
        }
    }

    /// <summary>Lets the boot loader choose. Whoever wants the domain's console has it from before its first word on.</summary>
    private async Task<DomainPlan> ChooseAsync(DomainRecord record, DomainPlan plan, BootLoaderCall call, CancellationToken cancel)
    {
        if (BootLoaders is not { } loaders)
            throw new ToolstackException($"Domain {record.Name}: boot loaders cannot be run here.", Failed);
        if (record.Options.BeforeStart is { } beforeStart)
        {
            loaders.Prepare(record.Id);
            await beforeStart(record.Id);
        }
        using var choice = await loaders.RunAsync(record.Id, call, cancel);
        return await DomainAssembly.PlanAsync(plan, choice.Result, cancel);
    }

    /// <summary>Runs boot loaders; null where none can be run.</summary>
    public IBootLoaders? BootLoaders { get; init; }

    /// <summary>What xenstored lets the domain have and offers to it, where the configuration says so.</summary>
    private async Task OfferStoreAsync(DomId domain, DomainConfiguration configuration)
    {
        if (configuration.XenstoreFeatureMask is { } mask)
            await _store.SetFeaturesAsync(domain, (XenStoreServerFeatures)(uint)mask);
        foreach (var quota in configuration.XenstoreQuota)
        {
            var equals = quota.IndexOf('=');
            if (equals < 0 || !int.TryParse(quota[(equals + 1)..], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value))
                throw new ToolstackException($"xenstore_quota: '{quota}' is not name=number.");
            await SetStoreQuotaAsync(domain, quota[..equals], value);
        }
    }

    /// <summary>A domain's rings are there, and it does not run yet: the console daemon takes its page and port.</summary>
    public event Func<DomId, BuiltDomain, Task>? Introduced;

    /// <summary>libxl's ERROR_FAIL, negated: the exit code of a create that failed.</summary>
    private const int Failed = 3;

    /// <summary>Makes the empty domain and its record, with nobody else taking the name in between.</summary>
    private DomainRecord Reserve(DomainPlan plan, CreateOptions options, Lineage lineage)
    {
        lock (_names)
        {
            DemandFree(plan.Configuration.Name, except: null);
            var id = _assembly.MakeEmpty(plan, _processors.PoolOf(plan.Configuration));
            var record = new DomainRecord(id, plan.Configuration, options, lineage) { Started = DateTimeOffset.Now, IsManaged = plan.Managed is not null };
            _records[id] = record;
            lineage.Last = record;
            return record;
        }
    }
}
