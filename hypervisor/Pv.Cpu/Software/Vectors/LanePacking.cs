using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Lanes into lanes of half the size, with saturation; those of the first argument come first.</summary>
internal static class LanePacking
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Signed(Vector128<int> a, Vector128<int> b)
    {
        var (least, most) = (Vector128.Create((int)short.MinValue), Vector128.Create((int)short.MaxValue));
        return Vector128.Narrow(Vector128.Min(Vector128.Max(a, least), most), Vector128.Min(Vector128.Max(b, least), most));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Signed(Vector128<short> a, Vector128<short> b)
    {
        var (least, most) = (Vector128.Create((short)sbyte.MinValue), Vector128.Create((short)sbyte.MaxValue));
        return Vector128.Narrow(Vector128.Min(Vector128.Max(a, least), most), Vector128.Min(Vector128.Max(b, least), most));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Unsigned(Vector128<int> a, Vector128<int> b)
    {
        var most = Vector128.Create((int)ushort.MaxValue);
        return Vector128.Narrow(
            Vector128.Min(Vector128.Max(a, Vector128<int>.Zero), most).AsUInt32(),
            Vector128.Min(Vector128.Max(b, Vector128<int>.Zero), most).AsUInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Unsigned(Vector128<short> a, Vector128<short> b)
    {
        var most = Vector128.Create((short)byte.MaxValue);
        return Vector128.Narrow(
            Vector128.Min(Vector128.Max(a, Vector128<short>.Zero), most).AsUInt16(),
            Vector128.Min(Vector128.Max(b, Vector128<short>.Zero), most).AsUInt16());
    }
}

/// <summary><c>packsswb</c>.</summary>
internal readonly struct PackWordsSigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => LanePacking.Signed(a.AsInt16(), b.AsInt16()).AsByte();
}

/// <summary><c>packuswb</c>.</summary>
internal readonly struct PackWordsUnsigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => LanePacking.Unsigned(a.AsInt16(), b.AsInt16());
}

/// <summary><c>packssdw</c>.</summary>
internal readonly struct PackDwordsSigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => LanePacking.Signed(a.AsInt32(), b.AsInt32()).AsByte();
}

/// <summary><c>packusdw</c>.</summary>
internal readonly struct PackDwordsUnsigned : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => LanePacking.Unsigned(a.AsInt32(), b.AsInt32()).AsByte();
}

/// <summary><c>pmovsx…</c>, <c>pmovzx…</c>: the source's lowest lanes, made wider by the signedness of the types.</summary>
internal readonly struct WidenLanes<TFrom, TTo> : IVectorOperation
    where TFrom : unmanaged
    where TTo : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        if (typeof(TFrom) == typeof(byte))
            return Zero(Vector128.WidenLower(b).AsByte());
        if (typeof(TFrom) == typeof(sbyte))
            return Sign(Vector128.WidenLower(b.AsSByte()).AsByte());
        if (typeof(TFrom) == typeof(ushort) || typeof(TFrom) == typeof(uint))
            return Zero(b);
        return Sign(b);
    }

    /// <summary>From the words (or doublewords) that are there to the size that is wanted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Zero(Vector128<byte> b)
    {
        if (typeof(TFrom) == typeof(uint))
            return Vector128.WidenLower(b.AsUInt32()).AsByte();
        if (typeof(TTo) == typeof(ushort))
            return b;
        var dwords = Vector128.WidenLower(b.AsUInt16());
        return typeof(TTo) == typeof(uint) ? dwords.AsByte() : Vector128.WidenLower(dwords).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Sign(Vector128<byte> b)
    {
        if (typeof(TFrom) == typeof(int))
            return Vector128.WidenLower(b.AsInt32()).AsByte();
        if (typeof(TTo) == typeof(short))
            return b;
        var dwords = Vector128.WidenLower(b.AsInt16());
        return typeof(TTo) == typeof(int) ? dwords.AsByte() : Vector128.WidenLower(dwords).AsByte();
    }
}
