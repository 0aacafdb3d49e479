using System.Globalization;
using Pv.Abi;
using Pv.Frontends;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>disk bench</c>: as many requests at once as the depth says, for some seconds.</summary>
internal sealed class DiskBench
{
    private const int LargestKiB = 1024, LargestDepth = 1024;

    private readonly GuestContext _guest;
    private readonly BlockFrontend _disk;
    private readonly int _bytes;
    private readonly bool _writes, _random;
    private readonly ulong _blocks;
    private ulong _next, _end, _done, _state = 0x9e3779b97f4a7c15;

    private DiskBench(GuestContext guest, BlockFrontend disk, int bytes, bool writes, bool random)
    {
        (_guest, _disk, _bytes, _writes, _random) = (guest, disk, bytes, writes, random);
        _blocks = disk.Features.Sectors * BlockFrontend.BytesPerSector / (ulong)bytes;
        if (_blocks == 0)
            throw new UsageException($"{disk.Name} is smaller than a request.");
    }

    public static async Task RunAsync(GuestContext guest, BlockFrontend disk, string[] words)
    {
        var kind = words[0];
        if (kind is not ("read" or "write" or "randread" or "randwrite"))
            throw new UsageException("disk bench <disk> read|write|randread|randwrite [KiB [depth [seconds]]]");
        var random = kind.StartsWith("rand", StringComparison.Ordinal);
        var bytes = (int)(Number(words, 1, random ? 4 : 128, LargestKiB) * 1024);
        var depth = (int)Number(words, 2, random ? 32 : 4, LargestDepth);
        var seconds = Number(words, 3, 1, 3600);
        if (bytes % disk.Features.SectorSize != 0 || bytes == 0 || depth < 1)
            throw new UsageException($"requests are multiples of {disk.Features.SectorSize} bytes, and one at least is under way.");
        if ((ulong)depth * PageSize.PagesFor((ulong)bytes) + 64 > guest.Memory.FreeFrames)
            throw new UsageException($"{depth} requests of {bytes / 1024.0:0.#} KiB need more memory than the domain has.");
        var bench = new DiskBench(guest, disk, bytes, kind.EndsWith("write", StringComparison.Ordinal), random);
        await bench.RunAsync(kind, depth, seconds);
    }

    private async Task RunAsync(string kind, int depth, double seconds)
    {
        var statistics = _disk.Statistics;
        var (requests, notifications, events) = (statistics.Requests, statistics.Notifications, statistics.Events);
        var start = _guest.Clock.Now;
        _end = start + (ulong)(seconds * 1e9);
        var workers = new Task[depth];
        for (var i = 0; i < depth; i++)
            workers[i] = WorkAsync();
        await Task.WhenAll(workers);
        var time = (_guest.Clock.Now - start) / 1e9;
        (requests, notifications, events) = (statistics.Requests - requests, statistics.Notifications - notifications, statistics.Events - events);
        await _guest.Console.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{kind}: {_done} x {_bytes / 1024.0:0.#} KiB at depth {depth} in {time:F3} s: {_done * (ulong)_bytes / time / 1048576:F1} MiB/s, {_done / time:F0} a second"));
        await _guest.Console.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"  {requests} ring requests, {notifications / (double)requests:F3} notifications and {events / (double)requests:F3} events each"));
    }

    private async Task WorkAsync()
    {
        using var buffer = _disk.Allocate(_bytes);
        while (_guest.Clock.Now < _end)
        {
            var sector = NextBlock() * (ulong)(_bytes / BlockFrontend.BytesPerSector);
            await (_writes ? _disk.WriteAsync(sector, buffer, 0, _bytes) : _disk.ReadAsync(sector, buffer, 0, _bytes));
            _done++;
        }
    }

    private ulong NextBlock()
    {
        if (!_random)
            return _next++ % _blocks;
        // xorshift64: cheap beside the request, and the same blocks each time.
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return _state % _blocks;
    }

    private static double Number(string[] words, int index, double otherwise, double most)
    {
        if (words.Length <= index)
            return otherwise;
        return double.TryParse(words[index], CultureInfo.InvariantCulture, out var number) && number > 0 && number <= most
            ? number
            : throw new UsageException($"'{words[index]}' is not more than 0 and at most {most}.");
    }
}
