using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary><c>pmullw</c>, <c>pmulld</c>: the lower halves of products.</summary>
internal readonly struct MultiplyLow<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => (a.As<byte, T>() * b.As<byte, T>()).AsByte();
}

/// <summary><c>pmulhw</c>: the upper halves of products of words with a sign.</summary>
internal readonly struct MultiplyHighSigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        Vector128<short> x = a.AsInt16(), y = b.AsInt16();
        return Vector128.Narrow(
            (Vector128.WidenLower(x) * Vector128.WidenLower(y)) >> 16,
            (Vector128.WidenUpper(x) * Vector128.WidenUpper(y)) >> 16).AsByte();
    }
}

/// <summary><c>pmulhuw</c>: the same without.</summary>
internal readonly struct MultiplyHighUnsigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        Vector128<ushort> x = a.AsUInt16(), y = b.AsUInt16();
        return Vector128.Narrow(
            (Vector128.WidenLower(x) * Vector128.WidenLower(y)) >>> 16,
            (Vector128.WidenUpper(x) * Vector128.WidenUpper(y)) >>> 16).AsByte();
    }
}

/// <summary><c>pmulhrsw</c>: words as fractions, the product rounded.</summary>
internal readonly struct MultiplyRounded : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        Vector128<short> x = a.AsInt16(), y = b.AsInt16();
        return Vector128.Narrow(
            Round(Vector128.WidenLower(x) * Vector128.WidenLower(y)),
            Round(Vector128.WidenUpper(x) * Vector128.WidenUpper(y))).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Round(Vector128<int> product) => ((product >> 14) + Vector128<int>.One) >> 1;
}

/// <summary><c>pmuludq</c>: the product of the lower half of each quadword.</summary>
internal readonly struct MultiplyEvenUnsigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var low = Vector128.Create((ulong)uint.MaxValue);
        return ((a.AsUInt64() & low) * (b.AsUInt64() & low)).AsByte();
    }
}

/// <summary><c>pmuldq</c>: the same with signs.</summary>
internal readonly struct MultiplyEvenSigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (((a.AsInt64() << 32) >> 32) * ((b.AsInt64() << 32) >> 32)).AsByte();
}

/// <summary><c>pmaddwd</c>: sums of two products of words.</summary>
internal readonly struct MultiplyAddWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        Vector128<int> x = a.AsInt32(), y = b.AsInt32();
        return ((((x << 16) >> 16) * ((y << 16) >> 16)) + ((x >> 16) * (y >> 16))).AsByte();
    }
}

/// <summary><c>pmaddubsw</c>: saturated sums of two products of bytes, those of the destination without a sign.</summary>
internal readonly struct MultiplyAddBytes : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var x = a.AsInt16();
        var y = b.AsInt16();
        var even = (x & Vector128.Create((short)0xff)) * ((y << 8) >> 8);
        var odd = (x >>> 8) * (y >> 8);
        return Vector128.AddSaturate(even, odd).AsByte();
    }
}

/// <summary><c>psadbw</c>: in each quadword the sum of its bytes' differences.</summary>
internal readonly struct SumOfDifferences : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var difference = Vector128.Max(a, b) - Vector128.Min(a, b);
        var words = (difference.AsUInt16() & Vector128.Create((ushort)0xff)) + (difference.AsUInt16() >>> 8);
        var pairs = (words.AsUInt32() & Vector128.Create(0xffffu)) + (words.AsUInt32() >>> 16);
        return ((pairs.AsUInt64() & Vector128.Create((ulong)uint.MaxValue)) + (pairs.AsUInt64() >>> 32)).AsByte();
    }
}

/// <summary><c>mpsadbw</c>: the differences of four bytes of the source and of those at eight places of the destination.</summary>
internal readonly struct SlidingDifferences : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var four = Vector128.Create(b.AsUInt32().GetElement(immediate & 3)).AsByte();
        var from = Vector128.Shuffle(a, Lanes.Iota + Vector128.Create((byte)(immediate & 4)));
        var lower = SumOfFour(Vector128.Shuffle(from, FirstPlaces), four);
        var upper = SumOfFour(Vector128.Shuffle(from, LastPlaces), four);
        return Vector128.Narrow(lower, upper).AsByte();
    }

    private static Vector128<byte> FirstPlaces => Vector128.Create((byte)0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);

    private static Vector128<byte> LastPlaces => Vector128.Create((byte)4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> SumOfFour(Vector128<byte> a, Vector128<byte> b)
    {
        var difference = Vector128.Max(a, b) - Vector128.Min(a, b);
        var words = (difference.AsUInt16() & Vector128.Create((ushort)0xff)) + (difference.AsUInt16() >>> 8);
        return (words.AsUInt32() & Vector128.Create(0xffffu)) + (words.AsUInt32() >>> 16);
    }
}

/// <summary><c>phminposuw</c>: the least word and its place.</summary>
internal readonly struct LeastWord : IVectorOperation
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var words = b.AsUInt16();
        var place = 0;
        for (var i = 1; i < 8; i++)
            if (words.GetElement(i) < words.GetElement(place))
                place = i;
        return Vector128.CreateScalar(words.GetElement(place) | (uint)place << 16).AsByte();
    }
}
