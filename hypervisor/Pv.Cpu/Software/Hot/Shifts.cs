using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>A shift or rotation by a count that is cut to 5 bits (6 for 64-bit operands) and not 0.</summary>
/// <remarks>
/// Where the manuals leave overflow undefined (counts above 1) it is what the formula for 1 gives on the last step, as processors do;
/// adjust is cleared by shifts.
/// </remarks>
internal unsafe interface IShift
{
    static abstract T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse;
}

// SAFETY: all of this file: flags are fields of the CpuState that is passed.
internal readonly unsafe struct ShiftLeft : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var wide = Flags.Wide(value) << count;
        if (TFlags.Live)
        {
            var bits = 8 * sizeof(T);
            var carry = count <= bits ? (uint)(Flags.Wide(value) >> (bits - count)) & 1 : 0;
            var top = (uint)(wide >> (bits - 1)) & 1;
            Flags.SetExplicit(s, Flags.OfResult(wide, 64 - bits) | carry | ((carry ^ top) << 11));
        }
        return T.CreateTruncating(wide);
    }
}

internal readonly unsafe struct ShiftRight : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var wide = Flags.Wide(value);
        var result = wide >> count;
        if (TFlags.Live)
        {
            var bits = 8 * sizeof(T);
            var last = wide >> (count - 1);
            // The sign before the last step is the overflow of a shift by one.
            var overflow = (uint)(last >> (bits - 1)) & 1;
            Flags.SetExplicit(s, Flags.OfResult(result, 64 - bits) | ((uint)last & 1) | (overflow << 11));
        }
        return T.CreateTruncating(result);
    }
}

internal readonly unsafe struct ShiftArithmetic : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var wide = Flags.Signed(value);
        var result = (ulong)(wide >> count);
        if (TFlags.Live)
            Flags.SetExplicit(s, Flags.OfResult(result, 64 - (8 * sizeof(T))) | ((uint)(wide >> (count - 1)) & 1));
        return T.CreateTruncating(result);
    }
}

internal readonly unsafe struct RotateLeft : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = T.RotateLeft(value, count & ((8 * sizeof(T)) - 1));
        if (TFlags.Live)
        {
            var carry = (uint)Flags.Wide(result) & 1;
            var top = (uint)(Flags.Wide(result) >> ((8 * sizeof(T)) - 1)) & 1;
            Flags.Change(s, Flags.Carry | Flags.Overflow, carry | ((carry ^ top) << 11));
        }
        return result;
    }
}

internal readonly unsafe struct RotateRight : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = T.RotateRight(value, count & ((8 * sizeof(T)) - 1));
        if (TFlags.Live)
        {
            var wide = Flags.Wide(result);
            var carry = (uint)(wide >> ((8 * sizeof(T)) - 1)) & 1;
            var below = (uint)(wide >> ((8 * sizeof(T)) - 2)) & 1;
            Flags.Change(s, Flags.Carry | Flags.Overflow, carry | ((carry ^ below) << 11));
        }
        return result;
    }
}
