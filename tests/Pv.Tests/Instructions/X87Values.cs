using System.Buffers.Binary;

namespace Pv.Tests.Instructions;

/// <summary>Numbers that break x87 arithmetic, in each of its formats.</summary>
internal static class X87Values
{
    private const ulong Leading = 1ul << 63, Quiet = 1ul << 62;
    private const int Bias = 16383, Special = 0x7fff;

    /// <summary>An 80-bit register: mostly numbers near each other, and every class and malformed encoding there is.</summary>
    public static void Write80(Random random, Span<byte> to)
    {
        var sign = random.Next(2) << 15;
        var (field, significand) = random.Next(24) switch
        {
            0 => (0, 0ul),
            1 => (Special, Leading),
            2 => (Special, Leading | Quiet | Fraction(random) >> 2),
            3 => (Special, Leading | (Fraction(random) >> 2 | 1) & ~Quiet),
            4 => (Special, Fraction(random) >> 1),
            5 => (0, Fraction(random) >> random.Next(1, 64)),
            6 => (0, Leading | Fraction(random) >> 1),
            7 => (random.Next(1, Special), Fraction(random) >> random.Next(1, 64)),
            8 => (random.Next(1, 70), Leading | Fraction(random)),
            9 => (Special - random.Next(1, 70), Leading | Fraction(random)),
            10 => (Bias + random.Next(-150, -100), Leading | Fraction(random)),
            11 => (Bias + random.Next(110, 140), Leading | Fraction(random)),
            12 => (Bias + random.Next(-1090, -1000), Leading | Fraction(random)),
            13 => (Bias + random.Next(1000, 1040), Leading | Fraction(random)),
            14 => (random.Next(1, Special), Leading | Fraction(random)),
            15 or 16 => Integer((ulong)random.Next(1, 20)),
            17 => Integer((ulong)random.NextInt64() >> random.Next(63) | 1),
            18 => (Bias + random.Next(10, 66), Leading | Fraction(random)),
            _ => (Bias + random.Next(-5, 6), Leading | Fraction(random)),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(to, significand);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], (ushort)(sign | field));
    }

    /// <summary>An encoding of 32 or 64 bits.</summary>
    public static ulong Pick(Random random, int bits)
    {
        var fractionBits = bits == 32 ? 23 : 52;
        var largest = (1 << bits - 1 - fractionBits) - 1;
        var field = random.Next(8) switch
        {
            0 => 0,
            1 => largest,
            2 => random.Next(largest + 1),
            3 => random.Next(1, 30),
            4 => largest - random.Next(1, 30),
            _ => largest / 2 + random.Next(-4, 5),
        };
        var fraction = random.Next(6) == 0 ? 0 : Fraction(random) >> 64 - fractionBits;
        return (ulong)random.Next(2) << bits - 1 | (ulong)field << fractionBits | fraction;
    }

    /// <summary>Eighteen digits; sometimes with bits in the byte of the sign that count for nothing.</summary>
    public static (ulong Low, ushort High) PickDecimal(Random random)
    {
        var low = 0ul;
        var digits = random.Next(17);
        for (var i = 0; i < digits; i++)
            low = low << 4 | (uint)random.Next(10);
        var high = random.Next(2) << 15 | (random.Next(4) == 0 ? random.Next(128) << 8 : 0) | random.Next(10) << 4 | random.Next(10);
        return (low, (ushort)high);
    }

    /// <summary>64 bits, often few of them set, or many, at either end.</summary>
    private static ulong Fraction(Random random)
    {
        var any = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        return random.Next(6) switch
        {
            0 => 0,
            1 => any << random.Next(64),
            2 => ulong.MaxValue << random.Next(64),
            3 => ulong.MaxValue >> random.Next(64),
            4 => 1ul << random.Next(64),
            _ => any,
        };
    }

    private static (int Field, ulong Significand) Integer(ulong value)
    {
        var zeros = System.Numerics.BitOperations.LeadingZeroCount(value);
        return (Bias + 63 - zeros, value << zeros);
    }
}
