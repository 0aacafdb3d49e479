using Pv.Abi;
using Pv.Config.Domain;

namespace Pv.Toolstack.Domains;

/// <content>What follows when a domain shuts down, and how domains are destroyed.</content>
public sealed partial class XenDomains
{
    public async Task DestroyAsync(DomId domain)
    {
        var record = Find(domain);
        await EndAsync(record);
        record.Lineage.End();
    }

    /// <summary>Destroys all, the newest first.</summary>
    public async Task DestroyAllAsync()
    {
        foreach (var record in _records.Values.OrderByDescending(record => record.Id))
        {
            await EndAsync(record);
            record.Lineage.End();
        }
    }

    /// <summary>Watches <c>@releaseDomain</c>, and does what the configurations say when domains shut down. Runs until the store stops or the watch is cancelled.</summary>
    public async Task FollowAsync(CancellationToken cancel)
    {
        await using var watch = await _store.WatchAsync("@releaseDomain");
        try
        {
            await foreach (var _ in watch.Events.WithCancellation(cancel))
                LookForShutdowns();
        }
        catch (OperationCanceledException)
        {
            // Whoever follows is told to stop.
        }
    }

    private void LookForShutdowns()
    {
        foreach (var info in _control.ListDomains())
        {
            if ((info.Flags & DomainInfoFlags.Shutdown) != 0 && (info.Flags & DomainInfoFlags.Dying) == 0
                && _records.TryGetValue(info.Domain, out var record) && record.NoteShutdown(info.ShutdownReason))
                _ = Task.Run(() => ActAsync(record, info.ShutdownReason));
        }
    }

    private async Task ActAsync(DomainRecord record, ShutdownReason reason)
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
            _log($"Action for shutdown reason code {(uint)reason} is {action}");
            await DoAsync(record, action);
        }
        catch (Exception e)
        {
            _log($"Domain {record.Id.Value} ({record.Name}): what was to follow its shutdown failed: {e}");
            record.Lineage.End();
        }
    }

    private static ShutdownAction ActionFor(DomainConfiguration configuration, ShutdownReason reason) => reason switch
    {
        ShutdownReason.PowerOff => configuration.OnPoweroff,
        ShutdownReason.Reboot => configuration.OnReboot,
        // Whoever suspended it goes on with it.
        ShutdownReason.Suspend => ShutdownAction.Preserve,
        ShutdownReason.Crash => configuration.OnCrash,
        ShutdownReason.Watchdog => configuration.OnWatchdog,
        ShutdownReason.SoftReset => configuration.OnSoftReset,
        _ => ShutdownAction.Destroy,
    };

    private async Task DoAsync(DomainRecord record, ShutdownAction action)
    {
        if (action is ShutdownAction.CoredumpDestroy or ShutdownAction.CoredumpRestart)
            _log($"Domain {record.Id.Value}: core dumps are not built yet; none is written");
        if (action is ShutdownAction.SoftReset)
            _log($"Domain {record.Id.Value}: soft reset is not built yet; the domain is destroyed");
        switch (action)
        {
            case ShutdownAction.Preserve:
                return;
            case ShutdownAction.RestartRename:
                await RenameAsync(record.Id, $"{record.Name}-{DateTimeOffset.UtcNow:yyyyMMdd'T'HHmmss'Z'}");
                await RestartAsync(record);
                return;
            case ShutdownAction.Restart or ShutdownAction.CoredumpRestart:
                _log($"Domain {record.Id.Value} needs to be cleaned up: destroying the domain");
                await EndAsync(record);
                await RestartAsync(record);
                return;
            default:
                _log($"Domain {record.Id.Value} needs to be cleaned up: destroying the domain");
                await EndAsync(record);
                record.Lineage.End();
                return;
        }
    }

    private async Task RestartAsync(DomainRecord record)
    {
        var name = record.Configuration.Name;
        await CreateAsync(record.Configuration, record.Options with { Paused = false, BeforeStart = null }, record.Lineage, CancellationToken.None);
        _log($"Domain {record.Id.Value} ({name}) has been restarted");
    }

    /// <summary>Takes everything of a domain away. Does nothing the second time.</summary>
    private async Task EndAsync(DomainRecord record)
    {
        await record.Turn.WaitAsync();
        try
        {
            if (record.IsDestroyed)
                return;
            record.IsDestroyed = true;
            if (Ending is { } ending)
                await ending(record.Id);
            if (_control.DestroyDomain(record.Id) is not Errno.None and var error && error != Errno.ESRCH)
                _log($"Domain {record.Id.Value} could not be destroyed: {error}");
            await _store.ReleaseAsync(record.Id);
            await DomainNodes.RemoveAsync(_store, record.Id, record.Configuration.Uuid);
        }
        finally
        {
            _records.TryRemove(record.Id, out _);
            record.NoteShutdown(null);
            record.Turn.Release();
        }
    }
}
