using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

// Shifts of all lanes by one count: the lowest quadword of the source.

/// <summary><c>psllw</c>, <c>pslld</c>, <c>psllq</c>.</summary>
internal readonly struct ShiftLanesLeft<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var count = b.AsUInt64().ToScalar();
        return count >= (ulong)(8 * Unsafe.SizeOf<T>()) ? Vector128<byte>.Zero : (a.As<byte, T>() << (int)count).AsByte();
    }
}

/// <summary><c>psrlw</c>, <c>psrld</c>, <c>psrlq</c>.</summary>
internal readonly struct ShiftLanesRight<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var count = b.AsUInt64().ToScalar();
        return count >= (ulong)(8 * Unsafe.SizeOf<T>()) ? Vector128<byte>.Zero : (a.As<byte, T>() >>> (int)count).AsByte();
    }
}

/// <summary><c>psraw</c>, <c>psrad</c>: a count too large leaves signs.</summary>
internal readonly struct ShiftLanesArithmetic<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var most = (ulong)((8 * Unsafe.SizeOf<T>()) - 1);
        return (a.As<byte, T>() >> (int)Math.Min(b.AsUInt64().ToScalar(), most)).AsByte();
    }
}

/// <summary><c>pslldq</c>: by bytes.</summary>
internal readonly struct ShiftBytesLeft : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(a, Lanes.Iota - Vector128.Create((byte)Math.Min(16, b.AsUInt64().ToScalar())));
}

/// <summary><c>psrldq</c>.</summary>
internal readonly struct ShiftBytesRight : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(a, Lanes.Iota + Vector128.Create((byte)Math.Min(16, b.AsUInt64().ToScalar())));
}

/// <summary><c>palignr</c>: 16 bytes out of destination and source, the source being the lower half.</summary>
internal readonly struct AlignRight : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var places = Lanes.Iota + Vector128.Create((byte)Math.Min(32u, immediate));
        return Vector128.Shuffle(b, places) | Vector128.Shuffle(a, places - Vector128.Create((byte)16));
    }
}
