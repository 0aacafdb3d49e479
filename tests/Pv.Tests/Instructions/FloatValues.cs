using System.Buffers.Binary;

namespace Pv.Tests.Instructions;

/// <summary>Floating-point numbers that break arithmetic: zeros, denormals, infinities, NaNs, powers of two, halfway cases, neighbours.</summary>
internal static class FloatValues
{
    /// <summary>Fills 16 bytes with lanes of 4 or 8 bytes; <paramref name="others"/> are numbers that they may be near.</summary>
    public static void Fill(Random random, int laneBytes, ReadOnlySpan<byte> others, Span<byte> to)
    {
        for (var at = 0; at < 16; at += laneBytes)
        {
            ulong? other = others.Length < laneBytes ? null : Read(others.Slice(random.Next(others.Length / laneBytes) * laneBytes, laneBytes));
            var bits = laneBytes == 4 ? Pick(random, 8, 23, other) : Pick(random, 11, 52, other);
            if (laneBytes == 4)
                BinaryPrimitives.WriteUInt32LittleEndian(to[at..], (uint)bits);
            else
                BinaryPrimitives.WriteUInt64LittleEndian(to[at..], bits);
        }
    }

    /// <summary>An encoding with some bits of exponent and fraction.</summary>
    public static ulong Pick(Random random, int exponentBits, int fractionBits, ulong? other = null)
    {
        var bias = (1 << exponentBits - 1) - 1;
        var sign = (ulong)random.Next(2) << exponentBits + fractionBits;
        if (other is { } near && random.Next(4) == 0)
            return near + (ulong)random.Next(-1, 2) ^ sign;
        var fraction = Fraction(random, fractionBits);
        var exponent = random.Next(16) switch
        {
            0 => 0,
            1 => 2 * bias + 1,
            2 => 1 + random.Next(3),
            3 => 2 * bias - random.Next(3),
            4 => bias / 2 + random.Next(-2, fractionBits + 2),
            5 => bias + bias / 2 + random.Next(-2, 3),
            6 => random.Next(2 * bias + 2),
            7 => bias + random.Next(20, 66),
            // Near each other, so that sums cancel and round.
            < 12 => bias + random.Next(-2, 3),
            _ => bias + random.Next(-fractionBits - 2, fractionBits + 3),
        };
        return sign | (ulong)exponent << fractionBits | fraction;
    }

    private static ulong Fraction(Random random, int bits)
    {
        var all = (1ul << bits) - 1;
        return all & random.Next(8) switch
        {
            < 3 => 0ul,
            3 => 1ul << random.Next(bits),
            4 => all,
            5 => ~0ul << random.Next(bits),
            6 => 1,
            _ => (ulong)random.NextInt64(),
        };
    }

    private static ulong Read(ReadOnlySpan<byte> lane)
        => lane.Length == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(lane) : BinaryPrimitives.ReadUInt64LittleEndian(lane);
}
