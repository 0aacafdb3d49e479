using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Pv.Frontends;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary>
/// <c>disk journal</c>: numbered records all over a disk, several at once, again and again, with flushes among them. It says which records
/// a flush has covered, so that somebody can look for them after a crash.
/// </summary>
/// <remarks>
/// A record is 16 KiB. Number <c>n</c>, from 1 on, goes to place <c>n * 40503 mod places</c>; the places are a power of two. Each sector of it
/// is 64 times the word <c>n * 64 + sector</c> (little-endian), whose sector counts from 0 in the record.
/// </remarks>
internal sealed class DiskJournal
{
    private const int RecordBytes = 16 * 1024, Depth = 8, Stride = 40503, WordShift = 6;
    private const int SectorsPerRecord = RecordBytes / BlockFrontend.BytesPerSector;

    private readonly GuestContext _guest;
    private readonly BlockFrontend _disk;
    private readonly ulong _places, _end;
    private readonly HashSet<ulong> _early = [];
    private ulong _next = 1, _complete;

    private DiskJournal(GuestContext guest, BlockFrontend disk, ulong seconds)
    {
        (_guest, _disk) = (guest, disk);
        var records = disk.Features.Sectors / SectorsPerRecord;
        if (records < 2 * Depth)
            throw new UsageException($"{disk.Name} is too small for a journal.");
        _places = 1ul << BitOperations.Log2(records);
        _end = guest.Clock.Now + seconds * 1_000_000_000;
    }

    public static Task RunAsync(GuestContext guest, BlockFrontend disk, ulong seconds) => new DiskJournal(guest, disk, seconds).RunAsync();

    private async Task RunAsync()
    {
        var writers = Task.WhenAll(Enumerable.Range(0, Depth).Select(_ => WriteAsync()).ToArray());
        do
        {
            // What was complete before the flush was asked for is what it covers; the writers go on meanwhile.
            var covered = _complete;
            await _disk.FlushAsync();
            await _guest.Console.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"flushed {covered}"));
            await _guest.Delay(TimeSpan.FromMilliseconds(1));
        }
        while (!writers.IsCompleted);
        await writers;
    }

    private async Task WriteAsync()
    {
        using var buffer = _disk.Allocate(RecordBytes);
        var words = new ulong[RecordBytes / sizeof(ulong)];
        while (_guest.Clock.Now < _end)
        {
            var number = _next++;
            for (var word = 0; word < words.Length; word++)
                words[word] = number * 64 + (ulong)(word >> WordShift);
            buffer.CopyFrom(0, MemoryMarshal.AsBytes(words.AsSpan()));
            await _disk.WriteAsync(number * Stride % _places * SectorsPerRecord, buffer, 0, RecordBytes);
            Complete(number);
            await _guest.Poll();
        }
    }

    /// <summary>Counts on as far as there is no gap.</summary>
    private void Complete(ulong number)
    {
        _early.Add(number);
        while (_early.Remove(_complete + 1))
            _complete++;
    }
}
