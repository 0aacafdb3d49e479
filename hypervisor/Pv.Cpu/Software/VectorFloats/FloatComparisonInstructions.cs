using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Whether a comparison takes quiet NaNs without complaint.</summary>
internal interface INanRule
{
    static abstract bool IsQuiet { get; }
}

/// <summary><c>ucomiss</c>, <c>ucomisd</c>.</summary>
internal readonly struct QuietNans : INanRule
{
    public static bool IsQuiet => true;
}

/// <summary><c>comiss</c>, <c>comisd</c>.</summary>
internal readonly struct InvalidNans : INanRule
{
    public static bool IsQuiet => false;
}

/// <summary><c>comiss</c> and its kin: the order of the lowest lanes, in the flags of an unsigned comparison.</summary>
// SAFETY: reads the XMM register that the operation names; writes flags.
internal readonly unsafe struct CompareToFlags<T, TNans> : IFloatInstruction
    where T : unmanaged
    where TNans : struct, INanRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        Vector128<T> a = Xmm.At(s, op->Dst)->As<byte, T>(), b = source.As<byte, T>();
        if (!FloatLanes<T>.Lowest(FloatLanes<T>.IsOrdered(a) & FloatLanes<T>.IsOrdered(b)))
            return DoExactly(s, op, source);
        Flags.SetExplicit(s, FloatLanes<T>.Lowest(Vector128.Equals(a, b)) ? Flags.Zero
            : FloatLanes<T>.Lowest(Vector128.LessThan(a, b)) ? Flags.Carry
            : 0);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        ulong a = FloatLanes<T>.Get(Xmm.At(s, op->Dst), 0), b = FloatLanes<T>.Get(&source, 0);
        var order = FloatLanes<T>.IsSingle
            ? FloatComparison.Compare<Binary32>(ref status, a, b, TNans.IsQuiet)
            : FloatComparison.Compare<Binary64>(ref status, a, b, TNans.IsQuiet);
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        Flags.SetExplicit(s, order switch
        {
            FloatOrder.Equal => Flags.Zero,
            FloatOrder.Less => Flags.Carry,
            FloatOrder.Greater => 0,
            _ => Flags.Zero | Flags.Parity | Flags.Carry,
        });
        return true;
    }
}

/// <summary>
/// <c>cmpps</c> and its kin: all ones where the constant's predicate holds: equal, less, less or equal, unordered, and (4 more) their opposites.
/// </summary>
internal static class FloatPredicate
{
    private const int Less = 1, LessOrEqual = 2, Unordered = 3, Opposite = 4;

    /// <summary>For lanes that are ordered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> OfOrdered<T>(Vector128<T> a, Vector128<T> b, int predicate)
        where T : unmanaged
    {
        var holds = (predicate & 3) switch
        {
            Less => Vector128.LessThan(a, b),
            LessOrEqual => Vector128.LessThanOrEqual(a, b),
            Unordered => Vector128<T>.Zero,
            _ => Vector128.Equals(a, b),
        };
        return (predicate & Opposite) != 0 ? ~holds : holds;
    }

    public static bool Holds<TFormat>(ref FloatStatus status, ulong a, ulong b, int predicate)
        where TFormat : struct, IFloatFormat
    {
        var kind = predicate & 3;
        var order = FloatComparison.Compare<TFormat>(ref status, a, b, quiet: kind is not (Less or LessOrEqual));
        var holds = kind switch
        {
            Less => order == FloatOrder.Less,
            LessOrEqual => order is FloatOrder.Less or FloatOrder.Equal,
            Unordered => order == FloatOrder.Unordered,
            _ => order == FloatOrder.Equal,
        };
        return holds != ((predicate & Opposite) != 0);
    }
}

/// <summary><c>cmpps</c>, <c>cmppd</c>; with one lane, <c>cmpss</c> and <c>cmpsd</c>.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct CompareToMask<T, TLanes> : IFloatInstruction
    where T : unmanaged
    where TLanes : struct, ILaneCount
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var target = Xmm.At(s, op->Dst);
        Vector128<T> a = target->As<byte, T>(), b = source.As<byte, T>();
        var ordered = FloatLanes<T>.IsOrdered(a) & FloatLanes<T>.IsOrdered(b);
        if (!(TLanes.IsScalar ? FloatLanes<T>.Lowest(ordered) : FloatLanes<T>.All(ordered)))
            return DoExactly(s, op, source);
        var result = FloatPredicate.OfOrdered(a, b, op->Imm);
        if (TLanes.IsScalar)
            *(T*)target = result.ToScalar();
        else
            *target = result.AsByte();
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        var target = Xmm.At(s, op->Dst);
        var results = *target;
        for (var i = 0; i < (TLanes.IsScalar ? 1 : Vector128<T>.Count); i++)
        {
            ulong a = FloatLanes<T>.Get(target, i), b = FloatLanes<T>.Get(&source, i);
            var holds = FloatLanes<T>.IsSingle
                ? FloatPredicate.Holds<Binary32>(ref status, a, b, op->Imm)
                : FloatPredicate.Holds<Binary64>(ref status, a, b, op->Imm);
            FloatLanes<T>.Set(&results, i, holds ? ulong.MaxValue : 0);
        }
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        *target = results;
        return true;
    }
}

/// <summary>Whether an instruction works on the lowest lane alone.</summary>
internal interface ILaneCount
{
    static abstract bool IsScalar { get; }
}

internal readonly struct OneLane : ILaneCount
{
    public static bool IsScalar => true;
}

internal readonly struct AllLanes : ILaneCount
{
    public static bool IsScalar => false;
}
