using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary><c>pblendw</c>: the words whose bit is set come from the source.</summary>
internal readonly struct BlendWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ushort)immediate) & bits, bits).AsByte(), b, a);
    }
}

/// <summary><c>blendps</c>.</summary>
internal readonly struct BlendSingles : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var bits = Vector128.Create(1u, 2, 4, 8);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((uint)immediate) & bits, bits).AsByte(), b, a);
    }
}

/// <summary><c>blendpd</c>.</summary>
internal readonly struct BlendDoubles : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var bits = Vector128.Create(1ul, 2);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ulong)immediate) & bits, bits).AsByte(), b, a);
    }
}

/// <summary><c>pinsrb</c>, <c>pinsrw</c>, <c>pinsrd</c>, <c>pinsrq</c>: the source's lowest lane goes to the place in the constant.</summary>
internal readonly struct Insert<T> : IVectorOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => a.As<byte, T>().WithElement(immediate & (Vector128<T>.Count - 1), b.As<byte, T>().ToScalar()).AsByte();
}

/// <summary>
/// <c>insertps</c>: a lane of the source (bits 6 and 7) goes to a lane of the destination (bits 4 and 5), and those of bits 0 to 3 become
/// zero. A source in memory has one lane: the decoder clears bits 6 and 7.
/// </summary>
internal readonly struct InsertSingle : IVectorOperation
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var bits = Vector128.Create(1u, 2, 4, 8);
        var inserted = a.AsUInt32().WithElement((immediate >> 4) & 3, b.AsUInt32().GetElement(immediate >> 6));
        return Vector128.AndNot(inserted, Vector128.Equals(Vector128.Create((uint)immediate) & bits, bits)).AsByte();
    }
}

/// <summary>A lane, zero-extended: <c>pextrb</c> … <c>pextrq</c>, <c>extractps</c>, <c>movd</c>, <c>movq</c>.</summary>
internal readonly struct Extract<T> : IVectorExtraction
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Do(Vector128<byte> a, byte immediate) => Flags.Wide(a.As<byte, T>().GetElement(immediate & (Vector128<T>.Count - 1)));
}

/// <summary>The lowest lane, zero-extended: <c>movd</c>, <c>movq</c>, <c>movss</c>, <c>movsd</c>, <c>movlps</c>.</summary>
internal readonly struct ExtractLowest<T> : IVectorExtraction
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Do(Vector128<byte> a, byte immediate) => Flags.Wide(a.As<byte, T>().ToScalar());
}

/// <summary>The upper half: <c>movhps</c>.</summary>
internal readonly struct ExtractHigh : IVectorExtraction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Do(Vector128<byte> a, byte immediate) => a.AsUInt64().GetElement(1);
}

/// <summary>The lanes' highest bits: <c>pmovmskb</c>, <c>movmskps</c>, <c>movmskpd</c>.</summary>
internal readonly struct ExtractSigns<T> : IVectorExtraction
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Do(Vector128<byte> a, byte immediate) => a.As<byte, T>().ExtractMostSignificantBits();
}
