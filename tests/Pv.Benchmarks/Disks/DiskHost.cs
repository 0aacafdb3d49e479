using System.Globalization;
using System.Text.RegularExpressions;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Backends.Storage;
using Pv.Benchmarks.Host;
using Pv.Guest;

namespace Pv.Benchmarks.Disks;

/// <summary>A host with the sample shell, which has one disk.</summary>
internal sealed partial class DiskHost : IAsyncDisposable
{
    private const int DiskNumber = 51712;

    private readonly HostInProcess _host;
    private readonly BlockBackend _backend;
    private readonly CountingGate _gate;
    private ConsoleTalk _shell = null!;
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

    public static async Task<DiskHost> StartAsync(string path, bool persistent)
    {
        CountingGate gate = null!;
        var host = new DiskHost(await HostInProcess.StartAsync(wrapGate: inner => gate = new CountingGate(inner)), gate, persistent);
        await host._backend.StartAsync();
        host._shell = await host._host.CreateAsync($"name=\"shell\"\nmemory=64\nkernel=\"{Host.SampleGuests.Path}\"\nextra=\"guest=Shell\"\n");
        await host._shell.ExpectAsync("pv>");
        await host.AttachAsync(path);
        await host._shell.ExpectAsync("xvda: ");
        return host;
    }

    /// <summary>How the guest says that its disk is connected.</summary>
    public async Task<string> DescribeAsync()
    {
        await _shell.TypeAsync("disks");
        await _shell.ExpectAsync("  ");
        return (await _shell.ExpectAsync("pv>")).Trim();
    }

    /// <summary>Lets the guest work: the requests a second that it measured, and what it says of a request.</summary>
    public async Task<(double Rate, double Notifications, double Events)> BenchAsync(DiskWork work, TimeSpan time)
    {
        await _shell.TypeAsync(string.Create(CultureInfo.InvariantCulture, $"disk bench xvda {work.Kind} {work.KiB} {work.Depth} {time.TotalSeconds}"));
        var said = await _shell.ExpectAsync("pv>");
        var result = Result().Match(said);
        return result.Success ? (Number(1), Number(2), Number(3)) : throw new InvalidOperationException(said);

        double Number(int group) => double.Parse(result.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    public DiskCounts Count()
    {
        var (maps, mapCalls, unmapCalls, sends) = _gate.Counts;
        var (batches, transfers, vectors) = _storage.Counts;
        return new DiskCounts(transfers, batches, vectors, maps, mapCalls, unmapCalls, sends, GC.GetTotalAllocatedBytes(precise: true));
    }

    public async ValueTask DisposeAsync()
    {
        await _shell.DisposeAsync();
        await _backend.DisposeAsync();
        await _host.DisposeAsync();
    }

    /// <summary>Writes what a toolstack writes of a disk.</summary>
    private Task AttachAsync(string path)
    {
        var device = new XenbusDevice("vbd", _shell.Domain, DomId.Dom0, DiskNumber);
        return _host.OpenStore().TransactAsync(async nodes =>
        {
            await nodes.WriteAsync(device.FrontEndPath, "");
            await nodes.SetPermissionsAsync(device.FrontEndPath, new XenStorePermission(_shell.Domain, XenStoreAccess.None), new XenStorePermission(DomId.Dom0, XenStoreAccess.Read));
            await nodes.WriteAsync($"{device.FrontEndPath}/backend", device.BackEndPath);
            await nodes.WriteAsync($"{device.FrontEndPath}/backend-id", "0");
            await nodes.WriteAsync($"{device.FrontEndPath}/state", "1");
            await nodes.WriteAsync(device.BackEndPath, "");
            await nodes.SetPermissionsAsync(device.BackEndPath, new XenStorePermission(DomId.Dom0, XenStoreAccess.None), new XenStorePermission(_shell.Domain, XenStoreAccess.Read));
            foreach (var (node, value) in new[] { ("params", path), ("type", "phy"), ("mode", "w"), ("device-type", "disk"), ("online", "1"), ("removable", "0"), ("state", "1") })
                await nodes.WriteAsync($"{device.BackEndPath}/{node}", value);
        });
    }

    [GeneratedRegex(@", (\d+) a second\s+\d+ ring requests, ([\d.]+) notifications and ([\d.]+) events")]
    private static partial Regex Result();
}
