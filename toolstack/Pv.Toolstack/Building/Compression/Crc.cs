using System.Runtime.CompilerServices;

namespace Pv.Toolstack.Building.Compression;

/// <summary>The two cyclic redundancy checks of the XZ format (its specification, chapter 6), both reflected.</summary>
internal static class Crc
{
    private static readonly uint[] Table32 = Table(byte.MaxValue + 1, i => (uint)Remainder(i, 0xedb88320));
    private static readonly ulong[] Table64 = Table(byte.MaxValue + 1, i => Remainder(i, 0xc96c5795d7870f42));

    /// <summary>CRC-32 as in IEEE 802.3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
            crc = Table32[(byte)crc ^ value] ^ (crc >> 8);
        return ~crc;
    }

    /// <summary>CRC-64 as in ECMA-182.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ulong Crc64(ReadOnlySpan<byte> bytes)
    {
        var crc = ulong.MaxValue;
        foreach (var value in bytes)
            crc = Table64[(byte)crc ^ value] ^ (crc >> 8);
        return ~crc;
    }

    private static ulong Remainder(uint value, ulong polynomial)
    {
        ulong remainder = value;
        for (var bit = 0; bit < 8; bit++)
            remainder = (remainder & 1) != 0 ? (remainder >> 1) ^ polynomial : remainder >> 1;
        return remainder;
    }

    private static T[] Table<T>(int length, Func<uint, T> entry) => [.. Enumerable.Range(0, length).Select(i => entry((uint)i))];
}
