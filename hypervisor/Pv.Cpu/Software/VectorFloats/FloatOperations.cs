using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary><c>addps</c> and its kin.</summary>
internal readonly struct AddFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Add<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => a + b;

    /// <summary>A sum that is denormal is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => FloatLanes<T>.IsUsual(a) & FloatLanes<T>.IsUsual(b) & FloatLanes<T>.IsFinite(result);
}

/// <summary><c>subps</c> and its kin.</summary>
internal readonly struct SubtractFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Subtract<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => AddFloats.IsSafe(a, b, result);
}

/// <summary><c>addsubps</c>, <c>addsubpd</c>: even lanes are subtracted.</summary>
internal readonly struct AddAndSubtractFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat
        => lane % 2 == 0 ? FloatArithmetic.Subtract<TFormat>(ref status, a, b) : FloatArithmetic.Add<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged
    {
        var even = FloatLanes<T>.IsSingle ? Vector128.Create(uint.MaxValue, 0, uint.MaxValue, 0).As<uint, T>() : Vector128.Create(ulong.MaxValue, 0).As<ulong, T>();
        return Vector128.ConditionalSelect(even, a - b, a + b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => AddFloats.IsSafe(a, b, result);
}

/// <summary><c>mulps</c> and its kin.</summary>
internal readonly struct MultiplyFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Multiply<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged
        => FloatLanes<T>.IsUsual(a) & FloatLanes<T>.IsUsual(b)
            & (FloatLanes<T>.IsInside(result) | Vector128.Equals(a, Vector128<T>.Zero) | Vector128.Equals(b, Vector128<T>.Zero));
}

/// <summary><c>divps</c> and its kin.</summary>
internal readonly struct DivideFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Divide<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged
        => FloatLanes<T>.IsUsual(a) & FloatLanes<T>.IsUsual(b) & ~Vector128.Equals(b, Vector128<T>.Zero)
            & (FloatLanes<T>.IsInside(result) | Vector128.Equals(a, Vector128<T>.Zero));
}

/// <summary><c>sqrtps</c> and its kin.</summary>
internal readonly struct RootFloats : IFloatOperation
{
    public static bool NeedsPlain => true;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.SquareRoot<TFormat>(ref status, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => Vector128.Sqrt(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => FloatLanes<T>.IsUsual(b) & Vector128.GreaterThanOrEqual(b, Vector128<T>.Zero);
}

/// <summary><c>minps</c> and its kin.</summary>
internal readonly struct LesserFloats : IFloatOperation
{
    public static bool NeedsPlain => false;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Minimum<TFormat>(ref status, a, b);

    /// <summary>The second operand where they are equal, as zeros of either sign are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => FloatLanes<T>.IsOrdered(a) & FloatLanes<T>.IsOrdered(b);
}

/// <summary><c>maxps</c> and its kin.</summary>
internal readonly struct GreaterFloats : IFloatOperation
{
    public static bool NeedsPlain => false;

    public static ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat => FloatArithmetic.Maximum<TFormat>(ref status, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged => Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged => FloatLanes<T>.IsOrdered(a) & FloatLanes<T>.IsOrdered(b);
}
