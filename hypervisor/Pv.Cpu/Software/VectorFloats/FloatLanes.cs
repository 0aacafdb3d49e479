using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Lanes of floats or doubles: what kind of number they hold, and the way from them to encodings and back.</summary>
// SAFETY: reads and writes the lane of a vector that lies where the caller says; lanes are counted by the caller.
internal static unsafe class FloatLanes<T>
    where T : unmanaged
{
    public static bool IsSingle
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(T) == typeof(float);
    }

    /// <summary>The least number that is not denormal.</summary>
    private static Vector128<T> Least
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsSingle ? Vector128.Create(0x0080_0000u).As<uint, T>() : Vector128.Create(0x0010_0000_0000_0000ul).As<ulong, T>();
    }

    /// <summary>The largest number.</summary>
    private static Vector128<T> Most
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsSingle ? Vector128.Create(0x7f7f_ffffu).As<uint, T>() : Vector128.Create(0x7fef_ffff_ffff_fffful).As<ulong, T>();
    }

    /// <summary>Numbers that are neither denormal nor NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsOrdered(Vector128<T> value)
        => Vector128.GreaterThanOrEqual(Vector128.Abs(value), Least) | Vector128.Equals(value, Vector128<T>.Zero);

    /// <summary>Those that are finite, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsUsual(Vector128<T> value) => IsOrdered(value) & IsFinite(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsFinite(Vector128<T> value) => Vector128.LessThanOrEqual(Vector128.Abs(value), Most);

    /// <summary>Finite, and so far from zero that no result that was rounded to it can have been tiny.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IsInside(Vector128<T> value) => Vector128.GreaterThan(Vector128.Abs(value), Least) & IsFinite(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Vector128<T> mask) => mask.AsByte() == Vector128<byte>.AllBitsSet;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Lowest(Vector128<T> mask) => mask.AsInt32().ToScalar() != 0;

    /// <summary>A lane's encoding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Get(Vector128<byte>* vector, int lane) => IsSingle ? ((uint*)vector)[lane] : ((ulong*)vector)[lane];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set(Vector128<byte>* vector, int lane, ulong bits)
    {
        if (IsSingle)
            ((uint*)vector)[lane] = (uint)bits;
        else
            ((ulong*)vector)[lane] = bits;
    }
}
