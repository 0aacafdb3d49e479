using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary><c>cvtsi2ss</c>, <c>cvtsi2sd</c>: an integer of 4 or 8 bytes into the lowest lane.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct IntegerToFloat<TInteger, T> : IFloatInstruction
    where TInteger : unmanaged
    where T : unmanaged
{
    /// <summary>Integers below this are doubles exactly.</summary>
    private const long Bound = 1L << 53;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var value = sizeof(TInteger) == 4 ? source.AsInt32().ToScalar() : source.AsInt64().ToScalar();
        var target = Xmm.At(s, op->Dst);
        if (value is < Bound and > -Bound && (!FloatLanes<T>.IsSingle || Mxcsr.IsPlain(s)))
        {
            if (FloatLanes<T>.IsSingle)
                *(float*)target = (float)(double)value;
            else
                *(double*)target = value;
            return true;
        }
        return DoExactly(s, op, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, long value)
    {
        var status = Mxcsr.Status(s);
        var result = FloatLanes<T>.IsSingle
            ? FloatConversion.FromInteger<Binary32>(ref status, value)
            : FloatConversion.FromInteger<Binary64>(ref status, value);
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        FloatLanes<T>.Set(Xmm.At(s, op->Dst), 0, result);
        return true;
    }
}

/// <summary>How a conversion to integers rounds.</summary>
internal interface IIntegerRounding
{
    static abstract bool Truncates { get; }
}

/// <summary><c>cvtt…</c>.</summary>
internal readonly struct Truncated : IIntegerRounding
{
    public static bool Truncates => true;
}

/// <summary>As MXCSR says.</summary>
internal readonly struct Rounded : IIntegerRounding
{
    public static bool Truncates => false;
}

/// <summary><c>cvtss2si</c> and its kin: the lowest lane into a general register of 4 or 8 bytes.</summary>
// SAFETY: writes the general register that the operation names.
internal readonly unsafe struct FloatToInteger<T, TInteger, TRounding> : IFloatInstruction
    where T : unmanaged
    where TInteger : unmanaged
    where TRounding : struct, IIntegerRounding
{
    private static double Bound => sizeof(TInteger) == 4 ? int.MaxValue : 1L << 62;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        double value = FloatLanes<T>.IsSingle ? source.AsSingle().ToScalar() : source.AsDouble().ToScalar();
        if (!Mxcsr.IsPlain(s) || !(Math.Abs(value) < Bound))
            return DoExactly(s, op, source);
        Put(s, op, (long)(TRounding.Truncates ? value : Math.Round(value, MidpointRounding.ToEven)));
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        var mode = TRounding.Truncates ? RoundingMode.TowardZero : status.Rounding;
        var bits = FloatLanes<T>.Get(&source, 0);
        var result = FloatLanes<T>.IsSingle
            ? FloatConversion.ToInteger<Binary32>(ref status, bits, mode, 8 * sizeof(TInteger))
            : FloatConversion.ToInteger<Binary64>(ref status, bits, mode, 8 * sizeof(TInteger));
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        Put(s, op, result);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(CpuState* s, Op* op, long value)
    {
        if (sizeof(TInteger) == 4)
            Core.Set(s, op->Dst, (uint)value);
        else
            Core.Set(s, op->Dst, (ulong)value);
    }
}

/// <summary><c>cvtsd2ss</c>.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct DoubleToSingle : IFloatInstruction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var value = source.AsDouble().ToScalar();
        var result = (float)value;
        var size = Math.Abs(result);
        // Above the least normal number, so that it was not tiny before it was rounded.
        if (!Mxcsr.IsPlain(s) || !((size > 1.17549435E-38f && size <= float.MaxValue) || value == 0))
            return ScalarConversion<Binary64, Binary32>.Do(s, op, source);
        *(float*)Xmm.At(s, op->Dst) = result;
        return true;
    }
}

/// <summary><c>cvtss2sd</c>.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct SingleToDouble : IFloatInstruction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        if (!FloatLanes<float>.Lowest(FloatLanes<float>.IsOrdered(source.AsSingle())))
            return ScalarConversion<Binary32, Binary64>.Do(s, op, source);
        *(double*)Xmm.At(s, op->Dst) = source.AsSingle().ToScalar();
        return true;
    }
}

/// <summary>The lowest lane in another format.</summary>
// SAFETY: writes the XMM register that the operation names.
internal static unsafe class ScalarConversion<TFrom, TTo>
    where TFrom : struct, IFloatFormat
    where TTo : struct, IFloatFormat
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        var bits = TFrom.Width == 32 ? source.AsUInt32().ToScalar() : source.AsUInt64().ToScalar();
        var result = FloatConversion.Convert<TFrom, TTo>(ref status, bits);
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        if (TTo.Width == 32)
            *(uint*)Xmm.At(s, op->Dst) = (uint)result;
        else
            *(ulong*)Xmm.At(s, op->Dst) = result;
        return true;
    }
}
