using System.Globalization;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Backends.Storage;
using Pv.Benchmarks.Host;
using Pv.Guest;

namespace Pv.Benchmarks.Disks;

/// <summary>A host with one guest, which has one disk.</summary>
internal sealed class DiskHost : IAsyncDisposable
{
    private const int DiskNumber = 51712;

    private readonly HostInProcess _host;
    private readonly BlockBackend _backend;
    private readonly CountingGate _gate;
    private CountingStorage _storage = null!;

    private DiskHost(HostInProcess host, CountingGate gate, bool persistent)
    {
        (_host, _gate) = (host, gate);
        _backend = new BlockBackend(host.Kernel, host.OpenStore(), new BlockBackendOptions
        {
            PersistentGrants = persistent ? PersistentGrants.Always : PersistentGrants.Never,
            OpenAsync = request => Task.FromResult<IBlockStorage>(_storage = new CountingStorage(FileStorage.Open(request.Path, request.IsReadOnly, request.Discards))),
        }, _ => { });
    }

    /// <summary>The guest's.</summary>
    public ConsoleTalk Console { get; private set; } = null!;

    /// <summary>Starts a guest, waits until it shows its prompt, and gives it the disk.</summary>
    public static async Task<DiskHost> StartAsync(string path, bool persistent, string configuration, string prompt)
    {
        CountingGate gate = null!;
        var host = new DiskHost(await HostInProcess.StartAsync(wrapGate: inner => gate = new CountingGate(inner)), gate, persistent);
        await host._backend.StartAsync();
        host.Console = await host._host.CreateAsync(configuration);
        await host.Console.ExpectAsync(prompt);
        await host.AttachAsync(path);
        return host;
    }

    public DiskCounts Count()
    {
        var (maps, mapCalls, unmapCalls, sends) = _gate.Counts;
        var (batches, transfers, vectors) = _storage.Counts;
        return new DiskCounts(transfers, batches, vectors, maps, mapCalls, unmapCalls, sends, GC.GetTotalAllocatedBytes(precise: true));
    }

    public async ValueTask DisposeAsync()
    {
        await Console.DisposeAsync();
        await _backend.DisposeAsync();
        await _host.DisposeAsync();
    }

    /// <summary>Writes what a toolstack writes of a disk.</summary>
    private Task AttachAsync(string path)
    {
        var device = new XenbusDevice("vbd", Console.Domain, DomId.Dom0, DiskNumber);
        return _host.OpenStore().TransactAsync(async nodes =>
        {
            await nodes.WriteAsync(device.FrontEndPath, "");
            await nodes.SetPermissionsAsync(device.FrontEndPath, new XenStorePermission(Console.Domain, XenStoreAccess.None), new XenStorePermission(DomId.Dom0, XenStoreAccess.Read));
            await nodes.WriteAsync($"{device.FrontEndPath}/backend", device.BackEndPath);
            await nodes.WriteAsync($"{device.FrontEndPath}/backend-id", "0");
            await nodes.WriteAsync($"{device.FrontEndPath}/virtual-device", DiskNumber.ToString(CultureInfo.InvariantCulture));
            await nodes.WriteAsync($"{device.FrontEndPath}/device-type", "disk");
            await nodes.WriteAsync($"{device.FrontEndPath}/state", "1");
            await nodes.WriteAsync(device.BackEndPath, "");
            await nodes.SetPermissionsAsync(device.BackEndPath, new XenStorePermission(DomId.Dom0, XenStoreAccess.None), new XenStorePermission(Console.Domain, XenStoreAccess.Read));
            foreach (var (node, value) in new[] { ("params", path), ("type", "phy"), ("mode", "w"), ("device-type", "disk"), ("online", "1"), ("removable", "0"), ("state", "1") })
                await nodes.WriteAsync($"{device.BackEndPath}/{node}", value);
        });
    }
}
