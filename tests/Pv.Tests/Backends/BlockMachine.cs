using System.Collections.Concurrent;
using System.Diagnostics;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Backends.Storage;
using Pv.Guest;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Backends;

/// <summary>A hypervisor, xenstored and the block back end, with C# guests whose code is the test's front end.</summary>
internal sealed class BlockMachine : IAsyncDisposable
{
    public const uint Disk = 51712;

    private readonly List<LiveGuest> _guests = [];

    public LiveMachine Machine { get; } = new();

    public IXenStore Store => Machine.Store;

    /// <summary>What <c>params</c> opens, by its text.</summary>
    public ConcurrentDictionary<string, IBlockStorage> Media { get; } = new();

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>What opening throws, beside what it should; null: nothing.</summary>
    public Func<StorageRequest, Exception?> OpenFails { get; set; } = _ => null;

    public BlockBackend Backend { get; private set; } = null!;

    /// <summary>Which front ends a back end that is started from now on offers persistent grants.</summary>
    public PersistentGrants PersistentGrants { get; set; }

    public static XenbusDevice Device(DomId domain, uint id = Disk) => new("vbd", domain, DomId.Dom0, id);

    public static async Task<BlockMachine> StartAsync(params (string Name, IBlockStorage Storage)[] media)
    {
        var machine = new BlockMachine();
        foreach (var (name, storage) in media)
            machine.Media[name] = storage;
        await machine.StartBackendAsync();
        return machine;
    }

    public async Task StartBackendAsync()
    {
        Backend = new BlockBackend(Machine.Dom0, Store, new BlockBackendOptions
        {
            MaxQueues = 2,
            ResizePeriod = TimeSpan.FromMilliseconds(50),
            PersistentGrants = PersistentGrants,
            OpenAsync = request => OpenFails(request) is { } failure ? Task.FromException<IBlockStorage>(failure)
                : Media.TryGetValue(request.Path, out var storage) ? Task.FromResult(storage)
                : Task.FromException<IBlockStorage>(new StorageException($"{request.Path} does not exist")),
        }, Log.Enqueue);
        await Backend.StartAsync();
    }

    /// <summary>Runs a guest whose kernel is <paramref name="front"/>, with a disk if one is named; what the kernel throws comes out.</summary>
    public async Task<LiveGuest> RunAsync(string? media, Func<GuestContext, Task> front, string mode = "w", string type = "disk", ulong pages = 64)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begin = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var guest = await StartAsync(async context =>
        {
            try
            {
                // The disk is announced once the domain has a number.
                while (await context.XenStore.ReadAsync("data/begin") is null)
                    await context.Delay(TimeSpan.FromMilliseconds(1));
                await front(context);
                done.SetResult();
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
            // What the kernel spawned goes on until the domain is destroyed.
            await context.Delay(TimeSpan.FromHours(1));
        }, pages);
        if (media is not null)
            await AnnounceAsync(guest.Domain, media, mode, type);
        await Store.WriteAsync($"{XenbusDevice.HomeOf(guest.Domain)}/data/begin", "");
        try
        {
            await done.Task.WaitAsync(LiveMachine.Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The front end is not done. Back end: {string.Join(" | ", Log)} Hypervisor: {Machine.Core.Log.Read(clear: false)}");
        }
        return guest;
    }

    /// <summary>Ends the back end and starts another, as where its process is replaced.</summary>
    public async Task RestartBackendAsync()
    {
        await Backend.DisposeAsync().ConfigureAwait(false);
        await StartBackendAsync().ConfigureAwait(false);
    }

    public async Task<LiveGuest> StartAsync(Func<GuestContext, Task> main, ulong pages = 64)
    {
        var guest = await Machine.StartAsync(main, pages);
        _guests.Add(guest);
        return guest;
    }

    /// <summary>Writes what a toolstack writes of a disk.</summary>
    public async Task AnnounceAsync(DomId domain, string media, string mode = "w", string type = "disk", uint id = Disk)
    {
        var device = Device(domain, id);
        await Store.TransactAsync(async nodes =>
        {
            XenStorePermission[] frontPermissions = [new(domain, XenStoreAccess.None), new(DomId.Dom0, XenStoreAccess.Read)];
            await nodes.WriteAsync(device.FrontEndPath, "");
            await nodes.SetPermissionsAsync(device.FrontEndPath, frontPermissions);
            await nodes.WriteAsync($"{device.FrontEndPath}/backend", device.BackEndPath);
            await nodes.WriteAsync($"{device.FrontEndPath}/state", "1");
            await nodes.WriteAsync(device.BackEndPath, "");
            await nodes.SetPermissionsAsync(device.BackEndPath, new XenStorePermission(DomId.Dom0, XenStoreAccess.None), new XenStorePermission(domain, XenStoreAccess.Read));
            foreach (var (node, value) in new[] { ("params", media), ("type", "phy"), ("mode", mode), ("device-type", type), ("online", "1"), ("removable", "0"), ("state", "1") })
                await nodes.WriteAsync($"{device.BackEndPath}/{node}", value);
        });
    }

    /// <summary>Waits until a node of the back end has a value.</summary>
    public async Task ExpectAsync(DomId domain, string node, string value)
    {
        var clock = Stopwatch.StartNew();
        string? now;
        while ((now = await Store.ReadAsync($"{Device(domain).BackEndPath}/{node}")) != value)
        {
            if (clock.Elapsed > LiveMachine.Patience)
                throw new TimeoutException($"{node} is '{now}' and not '{value}'. Back end: {string.Join(" | ", Log)}");
            await Task.Delay(2);
        }
    }

    /// <summary>Removes a domain's disks as a toolstack does, and destroys the domain.</summary>
    public async Task DestroyAsync(LiveGuest guest)
    {
        _guests.Remove(guest);
        await Store.RemoveAsync($"/local/domain/0/backend/vbd/{guest.Domain.Value}");
        await Backend.EndDomainAsync(guest.Domain);
        await guest.DestroyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Backend.DisposeAsync();
        foreach (var guest in _guests)
            await guest.DestroyAsync();
        await Machine.DisposeAsync();
    }
}
