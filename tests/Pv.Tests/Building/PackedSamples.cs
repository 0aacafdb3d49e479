using System.Text;

namespace Pv.Tests.Building;

/// <summary>What the files in <c>tests/Data/building</c> unpack to.</summary>
public static class PackedSamples
{
    /// <summary>A text that repeats, then every byte.</summary>
    public static byte[] Text { get; } =
        [.. Enumerable.Repeat(Encoding.ASCII.GetBytes("All work and no play makes a dull kernel. "), 200).SelectMany(b => b), .. Enumerable.Range(0, 256).Select(i => (byte)i)];

    /// <summary>Bytes with no pattern.</summary>
    public static byte[] Noise { get; } = Random(0x9e3779b9, 100_000);

    /// <summary>Bytes full of what looks like x86 branches, close to each other.</summary>
    public static byte[] Branches { get; } = [.. Random(0x2545f491, 40_000).Select(b => b < 0xe0 ? BranchParts[b & 7] : b)];

    private static ReadOnlySpan<byte> BranchParts => [0xe8, 0xe9, 0x00, 0xff, 0xe8, 0x10, 0x00, 0xff];

    public static byte[] Packed(string file) => File.ReadAllBytes(Repository.Data("building", file));

    // xorshift, 32 bits.
    private static byte[] Random(uint seed, int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
        {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            bytes[i] = (byte)(seed >> 24);
        }

        return bytes;
    }
}
