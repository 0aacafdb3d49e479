using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>An operation of two operands of one size.</summary>
internal unsafe interface IAluOperation
{
    /// <summary>False for those that set flags only.</summary>
    static abstract bool Writes { get; }

    static abstract T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse;
}

// SAFETY: all of this file: flags are fields of the CpuState that is passed.
internal readonly unsafe struct AddOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = a + b;
        if (TFlags.Live)
            Flags.Set(s, Flags.Add, result, b);
        return result;
    }
}

internal readonly unsafe struct SubOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        if (TFlags.Live)
            Flags.Set(s, Flags.Sub, a, b);
        return a - b;
    }
}

internal readonly unsafe struct CompareOperation : IAluOperation
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        if (TFlags.Live)
            Flags.Set(s, Flags.Sub, a, b);
        return a;
    }
}

internal readonly unsafe struct AndOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = a & b;
        if (TFlags.Live)
            Flags.SetLogic(s, result);
        return result;
    }
}

internal readonly unsafe struct TestOperation : IAluOperation
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        if (TFlags.Live)
            Flags.SetLogic(s, a & b);
        return a;
    }
}

internal readonly unsafe struct OrOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = a | b;
        if (TFlags.Live)
            Flags.SetLogic(s, result);
        return result;
    }
}

internal readonly unsafe struct XorOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = a ^ b;
        if (TFlags.Live)
            Flags.SetLogic(s, result);
        return result;
    }
}

internal readonly unsafe struct AddCarryOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var carry = Flags.IsCarry(s);
        var result = a + b + (carry ? T.One : T.Zero);
        if (TFlags.Live)
            Flags.Set(s, carry ? Flags.AddCarry : Flags.Add, result, b);
        return result;
    }
}

internal readonly unsafe struct SubBorrowOperation : IAluOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Do<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var borrow = Flags.IsCarry(s);
        if (TFlags.Live)
            Flags.Set(s, borrow ? Flags.SubBorrow : Flags.Sub, a, b);
        return a - b - (borrow ? T.One : T.Zero);
    }
}
