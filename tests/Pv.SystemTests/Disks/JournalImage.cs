using System.Numerics;
using System.Runtime.InteropServices;

namespace Pv.SystemTests.Disks;

/// <summary>What the sample guest's <c>disk journal</c> leaves on a disk: which records must be there, and which may.</summary>
internal static class JournalImage
{
    public const int RecordBytes = 16 * 1024, SectorBytes = 512, Stride = 40503;

    /// <summary>Looks for all that was flushed. Returns what is wrong, or null.</summary>
    /// <param name="image">The whole disk.</param>
    /// <param name="flushed">The guest was told that the records up to this one are on the disk.</param>
    public static string? Judge(ReadOnlySpan<byte> image, ulong flushed)
    {
        var places = 1ul << BitOperations.Log2((uint)image.Length / RecordBytes);
        var latest = new ulong[places];
        for (var number = flushed > places ? flushed - places + 1 : 1; number <= flushed; number++)
            latest[number * Stride % places] = number;

        for (var place = 0; place < (int)places; place++)
        {
            for (var sector = 0; sector < RecordBytes / SectorBytes; sector++)
            {
                var words = MemoryMarshal.Cast<byte, ulong>(image.Slice(place * RecordBytes + sector * SectorBytes, SectorBytes));
                var (number, index) = (words[0] / 64, words[0] % 64);
                var belongs = words[0] == 0 ? latest[place] == 0 : number * Stride % places == (ulong)place && index == (ulong)sector;
                if (!belongs || number < latest[place] || words.IndexOfAnyExcept(words[0]) >= 0)
                    return $"place {place}, sector {sector}: record {latest[place]} was flushed, and there are {words[0]:x}, {words[^1]:x} of record {number}";
            }
        }
        return null;
    }

    /// <summary>Writes a record as the guest does.</summary>
    public static void Write(Span<byte> image, ulong number)
    {
        var places = 1ul << BitOperations.Log2((uint)image.Length / RecordBytes);
        var words = MemoryMarshal.Cast<byte, ulong>(image.Slice((int)(number * Stride % places) * RecordBytes, RecordBytes));
        for (var word = 0; word < words.Length; word++)
            words[word] = number * 64 + (ulong)word / (SectorBytes / sizeof(ulong));
    }
}
