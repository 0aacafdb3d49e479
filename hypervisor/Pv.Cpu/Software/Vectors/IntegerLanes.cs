using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary><c>paddb</c> … <c>paddq</c>.</summary>
internal readonly struct AddLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => (a.As<byte, T>() + b.As<byte, T>()).AsByte();
}

/// <summary><c>psubb</c> … <c>psubq</c>.</summary>
internal readonly struct SubtractLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => (a.As<byte, T>() - b.As<byte, T>()).AsByte();
}

/// <summary><c>paddsb</c>, <c>paddsw</c>, <c>paddusb</c>, <c>paddusw</c>.</summary>
internal readonly struct AddSaturated<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.AddSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>psubsb</c>, <c>psubsw</c>, <c>psubusb</c>, <c>psubusw</c>.</summary>
internal readonly struct SubtractSaturated<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.SubtractSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>pminub</c> and its kin.</summary>
internal readonly struct LesserLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Min(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>pmaxub</c> and its kin.</summary>
internal readonly struct GreaterLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Max(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>pcmpeqb</c> … <c>pcmpeqq</c>: all ones where equal.</summary>
internal readonly struct EqualLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Equals(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>pcmpgtb</c> … <c>pcmpgtq</c>: all ones where greater.</summary>
internal readonly struct GreaterThanLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.GreaterThan(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary><c>pavgb</c>, <c>pavgw</c>: rounded up.</summary>
internal readonly struct AverageLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => ((a | b).As<byte, T>() - ((a ^ b).As<byte, T>() >>> 1)).AsByte();
}

/// <summary><c>pabsb</c>, <c>pabsw</c>, <c>pabsd</c>: the least number stays.</summary>
internal readonly struct AbsoluteLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var negative = Vector128.LessThan(b.As<byte, T>(), Vector128<T>.Zero);
        return ((b.As<byte, T>() ^ negative) - negative).AsByte();
    }
}

/// <summary><c>psignb</c>, <c>psignw</c>, <c>psignd</c>: the destination times the source's sign.</summary>
internal readonly struct SignLanes<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var sign = b.As<byte, T>();
        var negative = Vector128.LessThan(sign, Vector128<T>.Zero);
        var signed = (a.As<byte, T>() ^ negative) - negative;
        return Vector128.AndNot(signed, Vector128.Equals(sign, Vector128<T>.Zero)).AsByte();
    }
}

/// <summary><c>pand</c>, <c>andps</c>, <c>andpd</c>.</summary>
internal readonly struct AndBits : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => a & b;
}

/// <summary><c>pandn</c>, <c>andnps</c>, <c>andnpd</c>: the destination is inverted.</summary>
internal readonly struct AndNotBits : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => ~a & b;
}

/// <summary><c>por</c>, <c>orps</c>, <c>orpd</c>.</summary>
internal readonly struct OrBits : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => a | b;
}

/// <summary><c>pxor</c>, <c>xorps</c>, <c>xorpd</c>.</summary>
internal readonly struct XorBits : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => a ^ b;
}
