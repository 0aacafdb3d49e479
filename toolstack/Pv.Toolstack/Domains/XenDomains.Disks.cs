using System.Globalization;
using Pv.Abi;
using Pv.Config.Devices;
using Pv.Guest;
using Pv.Toolstack.Disks;

namespace Pv.Toolstack.Domains;

/// <content>The disks of domains: announced in xenstore, where the block back end finds them.</content>
public sealed partial class XenDomains : IDisks
{
    /// <summary>Guards which disks the records have.</summary>
    private readonly Lock _shares = new();

    /// <summary>How long a back end has to open a disk.</summary>
    public TimeSpan OpenPatience { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How long a kernel has to let go of a disk: as long as libxl waits.</summary>
    public TimeSpan DetachPatience { get; init; } = TimeSpan.FromSeconds(10);

    public async Task<IReadOnlyList<DiskView>> ListDisksAsync(DomId domain)
    {
        var views = new List<DiskView>();
        foreach (var name in await _store.ListAsync($"/libxl/{domain.Value}/device/vbd") ?? [])
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                continue;
            var device = DiskNodes.Device(domain, number);
            views.Add(new DiskView(number, DomId.Dom0, domain, XenbusEnd.Parse(await _store.ReadAsync($"{device.FrontEndPath}/state")),
                await NumberAsync(device, "event-channel"), await NumberAsync(device, "ring-ref"), device.BackEndPath));
        }
        views.Sort((one, other) => one.Number.CompareTo(other.Number));
        return views;
    }

    public async Task AttachDiskAsync(DomId domain, DiskSpecification disk, string directory, CancellationToken cancel)
    {
        var record = FindGuest(domain, "it has the host's own disks");
        var plan = DiskPlan.Of(disk, directory);
        using var turn = await record.DiskTurn.EnterAsync(cancel);
        if (await _store.ReadAsync($"{DeviceNodes.LibxlPath(DiskNodes.Device(domain, plan.Number.Number))}/backend") is not null)
            throw new ToolstackException($"Domain {record.Name} has a disk {disk.VirtualDevice} already.");
        await ConnectDiskAsync(record, plan, cancel);
        record.Configuration.Disks = [.. record.Configuration.Disks, disk];
    }

    public async Task<bool> DetachDiskAsync(DomId domain, int disk, bool force, CancellationToken cancel)
    {
        var record = FindGuest(domain, "it has the host's own disks");
        using var turn = await record.DiskTurn.EnterAsync(cancel);
        var device = DiskNodes.Device(domain, disk);
        if (await _store.ReadAsync($"{DeviceNodes.LibxlPath(device)}/backend") is null)
            throw new ToolstackException($"Domain {record.Name} has no disk {disk}.");
        if (!force && !await AskToLetGoAsync(device, cancel))
            return false;
        await ForgetDiskAsync(record, device);
        return true;
    }

    public async Task ChangeDiscAsync(DomId domain, DiskSpecification disc, string directory, CancellationToken cancel)
    {
        var record = FindGuest(domain, "it has the host's own drives");
        var plan = DiskPlan.Of(disc, directory);
        using var turn = await record.DiskTurn.EnterAsync(cancel);
        var drive = record.Configuration.Disks.Find(disk => IsDisk(disk, plan.Number.Number));
        if (drive is not { IsCdrom: true })
            throw new ToolstackException($"Domain {record.Name} has no drive {disc.VirtualDevice}.");
        var device = DiskNodes.Device(domain, plan.Number.Number);
        DiskPlan planBefore;
        lock (_shares)
        {
            DemandUnshared(record, plan);
            planBefore = record.Disks[plan.Number.Number];
            record.Disks[plan.Number.Number] = plan;
        }
        await TellDiscAsync(device, plan);
        if (await OpeningFailureAsync(device, cancel) is { } failure)
        {
            await TellDiscAsync(device, planBefore);
            lock (_shares)
                record.Disks[plan.Number.Number] = planBefore;
            throw new ToolstackException($"Disk vdev={disc.VirtualDevice}: {failure}");
        }
        disc.IsCdrom = disc.Removable = true;
        record.Configuration.Disks = [.. record.Configuration.Disks.Select(disk => disk == drive ? disc : disk)];
    }

    private static bool IsDisk(DiskSpecification disk, int wanted) => VirtualDiskNumber.TryParse(disk.VirtualDevice, out var number) && number.Number == wanted;

    /// <summary>All disks of a new domain.</summary>
    private async Task ConnectDisksAsync(DomainRecord record, IReadOnlyList<DiskPlan> plans, CancellationToken cancel)
    {
        foreach (var plan in plans)
            await ConnectDiskAsync(record, plan, cancel);
    }

    private async Task ConnectDiskAsync(DomainRecord record, DiskPlan plan, CancellationToken cancel)
    {
        var device = DiskNodes.Device(record.Id, plan.Number.Number);
        lock (_shares)
        {
            DemandUnshared(record, plan);
            record.Disks[plan.Number.Number] = plan;
        }
        await _store.TransactAsync(nodes => DiskNodes.MakeAsync(nodes, record.Id, plan));
        try
        {
            if (await OpeningFailureAsync(device, cancel) is { } failure)
                throw new ToolstackException($"Disk vdev={plan.Specification.VirtualDevice}: {failure}", Failed);
        }
        catch
        {
            await _store.TransactAsync(nodes => DeviceNodes.RemoveAsync(nodes, device));
            lock (_shares)
                record.Disks.Remove(plan.Number.Number);
            throw;
        }
    }

    /// <summary>Two kernels that write one disk destroy it, as does one that writes what another reads. Under the lock of shared disks.</summary>
    private void DemandUnshared(DomainRecord record, DiskPlan plan)
    {
        if (plan.Path.Length == 0)
            return;
        foreach (var other in _records.Values)
        {
            // One that has shut down and is kept does nothing any more.
            if (other != record && other.Shutdown.IsCompleted)
                continue;
            // A disk takes its own place: another disc of a drive, or the same after a reboot.
            if (other.Disks.Values.FirstOrDefault(theirs => theirs.File == plan.File && (other != record || theirs.Number.Number != plan.Number.Number) && (theirs.Specification.Writable || plan.Specification.Writable)) is { } shared)
            {
                throw new ToolstackException(
                    $"Disk vdev={plan.Specification.VirtualDevice}: {plan.Path} is {shared.Specification.VirtualDevice} of domain {other.Name}, and only what nobody writes can be shared.", Failed);
            }
        }
    }

    /// <summary>Waits for the back end's word on a disk: null when it is open, else why not.</summary>
    private async Task<string?> OpeningFailureAsync(XenbusDevice device, CancellationToken cancel)
    {
        var status = await FollowAsync($"{device.BackEndPath}/hotplug-status", status => status is "connected" or "error", OpenPatience, cancel);
        return status switch
        {
            "connected" => null,
            "error" => await _store.ReadAsync($"{device.BackEndPath}/hotplug-error") ?? "the back end cannot open it",
            _ => "the back end does not answer",
        };
    }

    private Task TellDiscAsync(XenbusDevice device, DiskPlan plan) => _store.TransactAsync(async nodes =>
    {
        await nodes.RemoveAsync($"{device.BackEndPath}/hotplug-status");
        await nodes.RemoveAsync($"{device.BackEndPath}/hotplug-error");
        foreach (var path in new[] { device.BackEndPath, DeviceNodes.LibxlPath(device) })
        {
            await nodes.WriteAsync($"{path}/type", plan.Type);
            await nodes.WriteAsync($"{path}/params", plan.Parameters);
        }
    });

    /// <summary>Asks the kernel to close its end, and waits for the back end to have closed its own.</summary>
    private async Task<bool> AskToLetGoAsync(XenbusDevice device, CancellationToken cancel)
    {
        var state = $"{device.BackEndPath}/state";
        await _store.TransactAsync(async nodes =>
        {
            if (await nodes.ReadAsync(state) is null)
                return;
            await nodes.WriteAsync($"{device.BackEndPath}/online", "0");
            await nodes.WriteAsync(state, "5");
        });
        return await FollowAsync(state, now => now is null or "6", DetachPatience, cancel) is null or "6";
    }

    private async Task ForgetDiskAsync(DomainRecord record, XenbusDevice device)
    {
        await _store.TransactAsync(nodes => DeviceNodes.RemoveAsync(nodes, device));
        lock (_shares)
            record.Disks.Remove((int)device.Id);
        record.Configuration.Disks = [.. record.Configuration.Disks.Where(disk => !IsDisk(disk, (int)device.Id))];
    }

    /// <summary>Follows a node until its value is good, or for so long; returns its value then.</summary>
    private async Task<string?> FollowAsync(string node, Predicate<string?> isGood, TimeSpan patience, CancellationToken cancel)
    {
        await using var watch = await _store.WatchAsync(node);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        end.CancelAfter(patience);
        string? now = null;
        try
        {
            await foreach (var _ in watch.Events.WithCancellation(end.Token))
            {
                if (isGood(now = await _store.ReadAsync(node)))
                    return now;
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The patience is over: the value is what it is.
        }
        return now;
    }

    private async Task<int> NumberAsync(XenbusDevice device, string node)
        => int.TryParse(await _store.ReadAsync($"{device.FrontEndPath}/{node}"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
}
