using System.Globalization;
using Pv.Frontends;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>disks</c>: what the guest has, and how it is connected.</summary>
internal static class DiskList
{
    public static async Task ShowAsync(GuestContext guest, BlockFrontends disks)
    {
        if (disks.Disks.Count == 0)
            await guest.Console.WriteLineAsync("no disks");
        foreach (var disk in disks.Disks.Values.OrderBy(disk => disk.Number))
        {
            var connected = disk.State == BlockFrontendState.Connected;
            await guest.Console.WriteLineAsync($"{disk.Name} ({disk.Number}): {(connected ? Describe(disk.Features) : "not connected")}");
            if (connected)
                await guest.Console.WriteLineAsync($"  {DescribeConnection(disk.Features)}");
        }
    }

    /// <summary>The disk itself, in a line.</summary>
    public static string Describe(DiskFeatures disk)
    {
        var size = disk.Sectors * BlockFrontend.BytesPerSector;
        var amount = size < 1 << 20 ? $"{size / 1024.0:0.#} KiB" : $"{size / 1048576.0:0.#} MiB";
        return string.Create(CultureInfo.InvariantCulture, $"{amount}, {disk.SectorSize} bytes a sector")
            + (disk.IsReadOnly ? ", read-only" : "")
            + (disk.IsCdRom ? ", CD" : "")
            + (disk.Flush == BlockFlush.None ? "" : ", flush")
            + (disk.CanDiscard ? ", discard" : "");
    }

    private static string DescribeConnection(DiskFeatures disk)
        => $"{disk.Queues} x {disk.RingSize} requests of up to {disk.Segments} pages{(disk.PersistentGrants ? ", persistent grants" : "")}";
}
