using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>What operations on places share.</summary>
internal static class Lanes
{
    /// <summary>The places of bytes. A place beyond 15 in a shuffle gives 0.</summary>
    public static Vector128<byte> Iota
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }
}

/// <summary><c>pshufb</c>: a place with its highest bit set gives 0.</summary>
internal readonly struct ShuffleBytes : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x8f));
}

/// <summary><c>pshufd</c>.</summary>
internal readonly struct ShuffleDwords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(b.AsInt32(), Vector128.Create(immediate & 3, (immediate >> 2) & 3, (immediate >> 4) & 3, immediate >> 6)).AsByte();
}

/// <summary><c>pshuflw</c>: of the lower four words; also <c>pshufw</c>.</summary>
internal readonly struct ShuffleLowWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(b.AsInt16(), Vector128.Create(
            (short)(immediate & 3), (short)((immediate >> 2) & 3), (short)((immediate >> 4) & 3), (short)(immediate >> 6), 4, 5, 6, 7)).AsByte();
}

/// <summary><c>pshufhw</c>: of the upper four.</summary>
internal readonly struct ShuffleHighWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(b.AsInt16(), Vector128.Create(
            0, 1, 2, 3, (short)(4 + (immediate & 3)), (short)(4 + ((immediate >> 2) & 3)), (short)(4 + ((immediate >> 4) & 3)),
            (short)(4 + (immediate >> 6)))).AsByte();
}

/// <summary><c>shufps</c>: two lanes of the destination, then two of the source.</summary>
internal readonly struct ShuffleSingles : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Create(
            Vector128.Shuffle(a.AsInt32(), Vector128.Create(immediate & 3, (immediate >> 2) & 3, 0, 0)).GetLower(),
            Vector128.Shuffle(b.AsInt32(), Vector128.Create((immediate >> 4) & 3, immediate >> 6, 0, 0)).GetLower()).AsByte();
}

/// <summary><c>shufpd</c>.</summary>
internal readonly struct ShuffleDoubles : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Create(
            (immediate & 1) != 0 ? a.AsUInt64().GetUpper() : a.AsUInt64().GetLower(),
            (immediate & 2) != 0 ? b.AsUInt64().GetUpper() : b.AsUInt64().GetLower()).AsByte();
}

/// <summary><c>punpcklbw</c>: bytes of the lower halves by turns, the destination's first.</summary>
internal readonly struct InterleaveLowBytes : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenLower(a) | (Vector128.WidenLower(b) << 8)).AsByte();
}

/// <summary><c>punpckhbw</c>.</summary>
internal readonly struct InterleaveHighBytes : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenUpper(a) | (Vector128.WidenUpper(b) << 8)).AsByte();
}

/// <summary><c>punpcklwd</c>.</summary>
internal readonly struct InterleaveLowWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenLower(a.AsUInt16()) | (Vector128.WidenLower(b.AsUInt16()) << 16)).AsByte();
}

/// <summary><c>punpckhwd</c>.</summary>
internal readonly struct InterleaveHighWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenUpper(a.AsUInt16()) | (Vector128.WidenUpper(b.AsUInt16()) << 16)).AsByte();
}

/// <summary><c>punpckldq</c>, <c>unpcklps</c>.</summary>
internal readonly struct InterleaveLowDwords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenLower(a.AsUInt32()) | (Vector128.WidenLower(b.AsUInt32()) << 32)).AsByte();
}

/// <summary><c>punpckhdq</c>, <c>unpckhps</c>.</summary>
internal readonly struct InterleaveHighDwords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => (Vector128.WidenUpper(a.AsUInt32()) | (Vector128.WidenUpper(b.AsUInt32()) << 32)).AsByte();
}

/// <summary><c>punpcklqdq</c>, <c>unpcklpd</c>, <c>movlhps</c>, <c>movhps</c>: the lower halves of both.</summary>
internal readonly struct JoinLowHalves : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Create(a.GetLower(), b.GetLower());
}

/// <summary><c>punpckhqdq</c>, <c>unpckhpd</c>: the upper halves of both.</summary>
internal readonly struct JoinHighHalves : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Create(a.GetUpper(), b.GetUpper());
}

/// <summary><c>movhlps</c>: the source's upper half becomes the lower one.</summary>
internal readonly struct ReplaceLowByHigh : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Create(b.GetUpper(), a.GetUpper());
}

/// <summary><c>movlps</c>, and <c>movsd</c> between registers: the lower half is replaced.</summary>
internal readonly struct ReplaceLow : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Create(b.GetLower(), a.GetUpper());
}

/// <summary><c>movss</c> between registers: the lowest lane is replaced.</summary>
internal readonly struct ReplaceLowest : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => a.AsUInt32().WithElement(0, b.AsUInt32().ToScalar()).AsByte();
}

/// <summary><c>movq</c> between XMM registers, and whatever else is the source's lower half and nothing more.</summary>
internal readonly struct TakeLow : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.CreateScalar(b.AsUInt64().ToScalar()).AsByte();
}

/// <summary><c>movddup</c>.</summary>
internal readonly struct RepeatLow : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate) => Vector128.Create(b.GetLower(), b.GetLower());
}

/// <summary><c>movsldup</c>.</summary>
internal readonly struct RepeatEven : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(b.AsInt32(), Vector128.Create(0, 0, 2, 2)).AsByte();
}

/// <summary><c>movshdup</c>.</summary>
internal readonly struct RepeatOdd : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Shuffle(b.AsInt32(), Vector128.Create(1, 1, 3, 3)).AsByte();
}
