using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>The disks of a C# guest: opens each that the toolstack gives it, at the start and later, and forgets those that are over.</summary>
/// <remarks>In turns only.</remarks>
public sealed class BlockFrontends
{
    private const string Folder = "device/vbd";

    private readonly GuestContext _guest;
    private readonly BlockFrontendOptions _options;
    private readonly Dictionary<int, BlockFrontend> _disks = [];

    private BlockFrontends(GuestContext guest, BlockFrontendOptions options)
    {
        _guest = guest;
        _options = options;
    }

    /// <summary>Those that are there, connected or not, by their numbers.</summary>
    public IReadOnlyDictionary<int, BlockFrontend> Disks => _disks;

    /// <summary>Called when one appears, before it is connected, and when its state changes, up to its end.</summary>
    public event Action<BlockFrontend>? Changed;

    /// <summary>Looks for disks from now on.</summary>
    public static BlockFrontends Open(GuestContext guest, BlockFrontendOptions? options = null)
    {
        var disks = new BlockFrontends(guest, options ?? BlockFrontendOptions.Default);
        guest.Spawn(disks.RunAsync);
        return disks;
    }

    /// <summary>Finds one by its number or its name (<c>xvda</c>).</summary>
    public BlockFrontend? Find(string name) => _disks.Values.FirstOrDefault(
        disk => disk.Name == name || disk.Number.ToString(CultureInfo.InvariantCulture) == name);

    private async Task RunAsync()
    {
        await using var watch = await _guest.XenStore.WatchAsync(Folder);
        await foreach (var _ in watch.Events)
            await LookAsync();
    }

    private async Task LookAsync()
    {
        foreach (var name in await _guest.XenStore.ListAsync(Folder) ?? [])
        {
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && !_disks.ContainsKey(number) && await IsNewAsync(name))
                Open(number);
        }
    }

    /// <summary>Whether a device has both ends and this one did not close it.</summary>
    private async Task<bool> IsNewAsync(string name)
        => XenbusEnd.Parse(await _guest.XenStore.ReadAsync($"{Folder}/{name}/state")) is not (XenbusState.Unknown or XenbusState.Closing or XenbusState.Closed)
            && await _guest.XenStore.ReadAsync($"{Folder}/{name}/backend") is not null;

    private void Open(int number)
    {
        var disk = BlockFrontend.Open(_guest, number, _options);
        _disks.Add(number, disk);
        disk.Changed += OnChanged;
        Changed?.Invoke(disk);
    }

    private void OnChanged(BlockFrontend disk)
    {
        if (disk.State == BlockFrontendState.Ended)
            _disks.Remove(disk.Number);
        Changed?.Invoke(disk);
    }
}
