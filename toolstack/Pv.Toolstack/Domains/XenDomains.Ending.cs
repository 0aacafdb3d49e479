using System.Collections.Concurrent;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Domains;

/// <content>What follows when a domain shuts down, and how domains are destroyed.</content>
public sealed partial class XenDomains
{
    private readonly ConcurrentDictionary<Task, bool> _actions = new();

    /// <summary>A domain that ended so soon is built again after a breath only: one that ends at once would keep the host busy for ever.</summary>
    public TimeSpan ShortLife { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The breath: as long as xl's between any domain's end and its restart.</summary>
    public TimeSpan RestartPause { get; init; } = TimeSpan.FromSeconds(2);

    public async Task DestroyAsync(DomId domain)
    {
        var record = Find(domain);
        // One that was set aside for its restart leaves the lineage to its successor.
        if (await TryEndAsync(record) && !record.IsSetAside)
            record.EndLineage();
    }

    /// <summary>Destroys all, the newest first.</summary>
    public async Task DestroyAllAsync()
    {
        foreach (var record in _records.Values.OrderByDescending(record => record.Id))
        {
            await TryEndAsync(record);
            record.EndLineage();
        }
    }

    /// <summary>
    /// Watches <c>@releaseDomain</c>, and does what the configurations say when domains shut down. Runs until the store stops or the watch is
    /// cancelled; nothing that it began goes on then.
    /// </summary>
    public async Task FollowAsync(CancellationToken cancel)
    {
        await using var watch = await _store.WatchAsync("@releaseDomain");
        try
        {
            await foreach (var _ in watch.Events.WithCancellation(cancel))
                LookForShutdowns(cancel);
        }
        catch (OperationCanceledException)
        {
            // Whoever follows is told to stop.
        }
        await Task.WhenAll(_actions.Keys);
    }

    private void LookForShutdowns(CancellationToken cancel)
    {
        foreach (var info in _control.ListDomains())
        {
            if ((info.Flags & DomainInfoFlags.Shutdown) == 0 || (info.Flags & DomainInfoFlags.Dying) != 0
                || !_records.TryGetValue(info.Domain, out var record))
                continue;
            if (!TryNote(record, info.ShutdownReason))
                continue;
            var action = Task.Run(() => ActAsync(record, info.ShutdownReason, cancel), CancellationToken.None);
            _actions[action] = true;
            _ = action.ContinueWith(done => _actions.TryRemove(done, out _), TaskScheduler.Default);
        }
    }

    /// <summary>Tells that a domain has shut down, once. True: it has ended, and something is to follow.</summary>
    private bool TryNote(DomainRecord record, ShutdownReason reason)
    {
        lock (record.Telling)
        {
            // One that sleeps has not ended: whoever suspended it goes on with it, perhaps since it was looked at.
            if (reason == ShutdownReason.Suspend)
            {
                if (IsSuspended(record.Id) && record.NoteSuspension())
                    TellShutdown(record, reason);
                return false;
            }
            if (record.Shutdown.IsCompleted)
                return false;
            TellShutdown(record, reason);
            return record.NoteShutdown(reason);
        }
    }

    private async Task ActAsync(DomainRecord record, ShutdownReason reason, CancellationToken cancel)
    {
        _log($"Domain {record.Id.Value} ({record.Name}) has shut down, reason code {(uint)reason} 0x{(uint)reason:x}");
        try
        {
            // The hypervisor has told the reason and the registers, but knows no names.
            if (reason == ShutdownReason.Crash)
                _control.WriteLog($"domain {record.Id.Value} is \"{record.Name}\"");
            if (!record.Options.ActOnEnd)
                return;
            var action = ActionFor(record.Configuration, reason);
            _log($"Action for shutdown reason code {(uint)reason} is {ShutdownActions.Name(action)}");
            await DoAsync(record, action, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested || record.Lineage.Abandoned.IsCancellationRequested)
        {
            record.EndLineage();
        }
        catch (Exception e)
        {
            _log($"Domain {record.Id.Value} ({record.Name}): what was to follow its shutdown failed: {(e is ToolstackException ? e.Message : e)}");
            record.EndLineage();
        }
    }

    private void TellShutdown(DomainRecord record, ShutdownReason reason)
    {
        _events.Publish(new DomainEvent(DomainEventKind.Shutdown, record.Id, record.Name) { Reason = reason });
        if (reason != ShutdownReason.Crash)
            return;
        // A C# kernel has no registers.
        if (_control.GetVcpuContext(record.Id, new VcpuId(0)) is { Registers.Rip: not 0 and var rip })
            Tell(DomainEventKind.Crash, record, ("vcpu", 0), ("rip", $"0x{rip:x}"));
        else
            Tell(DomainEventKind.Crash, record);
    }

    private static ShutdownAction ActionFor(DomainConfiguration configuration, ShutdownReason reason) => reason switch
    {
        ShutdownReason.PowerOff => configuration.OnPoweroff,
        ShutdownReason.Reboot => configuration.OnReboot,
        ShutdownReason.Crash => configuration.OnCrash,
        ShutdownReason.Watchdog => configuration.OnWatchdog,
        ShutdownReason.SoftReset => configuration.OnSoftReset,
        _ => ShutdownAction.Destroy,
    };

    private async Task DoAsync(DomainRecord record, ShutdownAction action, CancellationToken cancel)
    {
        if (action is ShutdownAction.CoredumpDestroy or ShutdownAction.CoredumpRestart)
            await TryDumpCoreAsync(record, cancel);
        // As on Xen, where it fails for such a domain, which is destroyed then.
        if (action is ShutdownAction.SoftReset)
            _log($"Domain {record.Id.Value} ({record.Name}) is paravirtualized, and only hardware-assisted domains can be reset softly");
        if (action is ShutdownAction.Preserve)
            return;
        var configuration = record.SuccessorConfiguration ?? record.Configuration;
        if (action is ShutdownAction.RestartRename)
        {
            if (!await TrySetAsideAsync(record))
                return;
        }
        else
        {
            _log($"Domain {record.Id.Value} needs to be cleaned up: destroying the domain");
            // Whoever destroyed it meanwhile wants nothing to follow.
            if (!await TryEndAsync(record))
                return;
        }
        if (action is ShutdownAction.Restart or ShutdownAction.RestartRename or ShutdownAction.CoredumpRestart)
            await RestartAsync(record, configuration, cancel);
        else
            record.EndLineage();
    }

    /// <summary>Builds a domain anew, as its configuration is now.</summary>
    private async Task RestartAsync(DomainRecord record, DomainConfiguration configuration, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, record.Lineage.Abandoned);
        var cancel = end.Token;
        if (DateTimeOffset.Now - record.Started < ShortLife)
            await Task.Delay(RestartPause, cancel);
        var options = record.Options with
        {
            Paused = false,
            BeforeStart = successor =>
            {
                record.NoteSuccessor(successor);
                return Task.CompletedTask;
            },
        };
        var restarted = await CreateAsync(configuration, options, record.Lineage, cancel);
        _log($"Domain {record.Id.Value} ({configuration.Name}) has been restarted as domain {restarted.Id.Value}");
        Tell(DomainEventKind.Restarted, restarted.Id, ("from", (int)record.Id.Value));
    }

    /// <summary>
    /// Gives a domain that has shut down another name and another identity, so that its restart can have them. False: somebody has destroyed it.
    /// </summary>
    private async Task<bool> TrySetAsideAsync(DomainRecord record)
    {
        using var turn = await record.Turn.EnterAsync();
        if (record.IsDestroyed)
            return false;
        var aside = record.Configuration.Clone();
        aside.Name = $"{record.Name}-{DateTimeOffset.UtcNow:yyyyMMdd'T'HHmmss'Z'}";
        aside.Uuid = Guid.NewGuid();
        _log($"Domain {record.Id.Value} ({record.Name}) is kept as {aside.Name}");
        lock (_names)
        {
            DemandFree(aside.Name, except: record);
            record.Configuration = aside;
            record.IsSetAside = true;
        }
        Demand(_control.SetHandle(record.Id, aside.Uuid), record.Id, "given another identity");
        await DomainNodes.MoveAsync(_store, record.Id, aside, record.Started);
        return true;
    }

    /// <summary>Takes everything of a domain away. False: somebody else has done so, and says what follows.</summary>
    private async Task<bool> TryEndAsync(DomainRecord record)
    {
        await record.AbandonAsync();
        using var turn = await record.Turn.EnterAsync();
        try
        {
            if (record.IsDestroyed)
                return false;
            record.IsDestroyed = true;
            // It may have ended by itself already.
            _ = _control.PauseDomain(record.Id);
            // Back ends see it, and let go of the domain when they are told that it is ending.
            await _store.TransactAsync(async nodes =>
            {
                await nodes.RemoveUpwardsAsync($"/local/domain/0/backend/vbd/{record.Id.Value}");
                await nodes.RemoveUpwardsAsync($"/local/domain/0/backend/console/{record.Id.Value}");
            });
            if (Ending is { } ending)
                await ending(record.Id);
            // Before the domain, as with libxl: who no longer sees the domain finds nothing of it in the store either.
            await DomainNodes.RemoveAsync(_store, record.Id, record.Configuration.Uuid);
            if (_control.DestroyDomain(record.Id) is not Errno.None and var error && error != Errno.ESRCH)
                _log($"Domain {record.Id.Value} could not be destroyed: {error}");
            await _store.ReleaseAsync(record.Id);
            return true;
        }
        finally
        {
            // Told last: whoever hears it may take its name, and finds it nowhere.
            Forget(record);
            lock (record.Telling)
            {
                if (record.IsTold)
                    Tell(DomainEventKind.Destroyed, record);
                record.NoteShutdown(null);
            }
        }
    }
}
