using System.Globalization;
using System.Security.Cryptography;
using Pv.Frontends;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>disk</c>: reads, writes and measures a disk. What is written is made from a seed, so that it can be known again.</summary>
internal sealed class DiskCommand(GuestContext guest, BlockFrontends disks)
{
    private const int StepBytes = 256 * 1024;

    private const string Usage =
        """
        disk read <disk> [offset [length]]           reads, and shows the SHA-256 of it
          disk write <disk> <offset> <length> [seed]   writes what a seed makes, and shows the SHA-256 of it
          disk dump <disk> [offset [length]]           shows bytes
          disk flush <disk>
          disk discard <disk> <offset> <length>
          disk bench <disk> read|write|randread|randwrite [KiB [depth [seconds]]]
          disk journal <disk> [seconds]                numbered records with flushes, to be looked for after a crash
          disk close <disk>                            gives it up
          Offsets and lengths are in bytes: 512, 64K, 3M, 1G.
        """;

    public Task RunAsync(string[] words) => words switch
    {
        ["read", var name, .. { Length: <= 2 } range] => ReadAsync(Find(name), range),
        ["write", var name, var offset, var length] => WriteAsync(Find(name), Bytes(offset), Bytes(length), 1),
        ["write", var name, var offset, var length, var seed] => WriteAsync(Find(name), Bytes(offset), Bytes(length), (int)Math.Min(Bytes(seed), int.MaxValue)),
        ["dump", var name, .. { Length: <= 2 } range] => DumpAsync(Find(name), range),
        ["flush", var name] => FlushAsync(Find(name)),
        ["discard", var name, var offset, var length] => DiscardAsync(Find(name), Bytes(offset), Bytes(length)),
        ["bench", var name, .. { Length: > 0 } how] => DiskBench.RunAsync(guest, Find(name), how),
        ["journal", var name, .. { Length: <= 1 } seconds] => DiskJournal.RunAsync(guest, Find(name), seconds.Length == 0 ? 3600 : Bytes(seconds[0])),
        ["close", var name] => Find(name).DisposeAsync().AsTask(),
        _ => throw new UsageException(Usage),
    };

    private BlockFrontend Find(string name)
    {
        var disk = disks.Find(name) ?? throw new UsageException($"there is no disk {name}; 'disks' lists what there is.");
        return disk.FeaturesOrNone is null ? throw new UsageException($"{name} is not connected yet.") : disk;
    }

    private async Task ReadAsync(BlockFrontend disk, string[] range)
    {
        var (offset, length) = Range(disk, range);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var buffer = disk.Allocate(StepBytes);
        var bytes = new byte[StepBytes];
        for (ulong done = 0; done < length;)
        {
            var step = (int)Math.Min(StepBytes, length - done);
            await disk.ReadAsync((offset + done) / BlockFrontend.BytesPerSector, buffer, 0, step);
            buffer.CopyTo(0, bytes.AsSpan(0, step));
            hash.AppendData(bytes, 0, step);
            done += (ulong)step;
            await guest.Poll();
        }
        await ReportAsync("read", length, hash);
    }

    private async Task WriteAsync(BlockFrontend disk, ulong offset, ulong length, int seed)
    {
        Check(disk, offset, length);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var buffer = disk.Allocate(StepBytes);
        var bytes = new byte[StepBytes];
        var random = new Random(seed);
        for (ulong done = 0; done < length;)
        {
            var step = (int)Math.Min(StepBytes, length - done);
            random.NextBytes(bytes.AsSpan(0, step));
            buffer.CopyFrom(0, bytes.AsSpan(0, step));
            await disk.WriteAsync((offset + done) / BlockFrontend.BytesPerSector, buffer, 0, step);
            hash.AppendData(bytes, 0, step);
            done += (ulong)step;
            await guest.Poll();
        }
        await ReportAsync("written", length, hash);
    }

    private async Task DumpAsync(BlockFrontend disk, string[] range)
    {
        const int perLine = 16, most = 4096;
        var (offset, length) = range.Length == 2 ? Range(disk, range) : Range(disk, [range.Length == 1 ? range[0] : "0", "512"]);
        if (length > most)
            throw new UsageException($"{most} bytes are shown at most.");
        using var buffer = disk.Allocate(most);
        await disk.ReadAsync(offset / BlockFrontend.BytesPerSector, buffer, 0, (int)length);
        var bytes = new byte[length];
        buffer.CopyTo(0, bytes);
        for (var at = 0; at < bytes.Length; at += perLine)
        {
            var line = bytes.AsMemory(at, Math.Min(perLine, bytes.Length - at));
            var text = string.Concat(line.ToArray().Select(b => b is >= 0x20 and < 0x7f ? (char)b : '.'));
            await guest.Console.WriteLineAsync($"{offset + (ulong)at:x8}  {Convert.ToHexStringLower(line.Span)}  {text}");
        }
    }

    private async Task FlushAsync(BlockFrontend disk)
    {
        await disk.FlushAsync();
        await guest.Console.WriteLineAsync("flushed");
    }

    private async Task DiscardAsync(BlockFrontend disk, ulong offset, ulong length)
    {
        Check(disk, offset, length);
        await disk.DiscardAsync(offset / BlockFrontend.BytesPerSector, length / BlockFrontend.BytesPerSector);
        await guest.Console.WriteLineAsync("discarded");
    }

    private Task ReportAsync(string what, ulong length, IncrementalHash hash)
        => guest.Console.WriteLineAsync($"{what} {length} bytes, sha256 {Convert.ToHexStringLower(hash.GetHashAndReset())}");

    /// <summary>An offset and a length; from the beginning, or to the end, where they are not said.</summary>
    private static (ulong Offset, ulong Length) Range(BlockFrontend disk, string[] range)
    {
        var offset = range.Length > 0 ? Bytes(range[0]) : 0;
        var size = disk.Features.Sectors * BlockFrontend.BytesPerSector;
        var length = range.Length > 1 ? Bytes(range[1]) : offset <= size ? size - offset : 0;
        Check(disk, offset, length);
        return (offset, length);
    }

    private static void Check(BlockFrontend disk, ulong offset, ulong length)
    {
        var size = disk.Features.Sectors * BlockFrontend.BytesPerSector;
        if (offset > size || length > size - offset)
            throw new UsageException($"{disk.Name} has {size} bytes.");
        if (((offset | length) & ((ulong)disk.Features.SectorSize - 1)) != 0)
            throw new UsageException($"offsets and lengths on {disk.Name} are multiples of {disk.Features.SectorSize}.");
    }

    private static ulong Bytes(string text)
    {
        var shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        var digits = shift == 0 ? text : text[..^1];
        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= ulong.MaxValue >> shift
            ? number << shift
            : throw new UsageException($"'{text}' is no number of bytes.");
    }
}
