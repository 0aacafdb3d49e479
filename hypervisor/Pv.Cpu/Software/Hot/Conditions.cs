using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>A condition of <c>jcc</c>, <c>setcc</c>, <c>cmovcc</c>: eight, the other eight are their negations.</summary>
internal interface ICondition
{
    /// <summary>After a comparison of two operands.</summary>
    static abstract bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>;

    /// <summary>After a logical operation.</summary>
    static abstract bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T>;

    static abstract bool OfFlags(uint flags);
}

internal readonly struct OverflowCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => Flags.Signed((a ^ b) & (a ^ (a - b))) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & Flags.Overflow) != 0;
}

internal readonly struct BelowCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a < b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & Flags.Carry) != 0;
}

internal readonly struct EqualCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a == b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => result == T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & Flags.Zero) != 0;
}

internal readonly struct BelowEqualCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a <= b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => result == T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & (Flags.Carry | Flags.Zero)) != 0;
}

internal readonly struct SignCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(a - b) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(result) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & Flags.Sign) != 0;
}

internal readonly struct ParityCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => Flags.ParityOf(Flags.Wide(a - b)) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => Flags.ParityOf(Flags.Wide(result)) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (flags & Flags.Parity) != 0;
}

internal readonly struct LessCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(a) < Flags.Signed(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(result) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (((flags >> 4) ^ flags) & Flags.Sign) != 0;
}

internal readonly struct LessEqualCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(a) <= Flags.Signed(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => Flags.Signed(result) <= 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => (((flags >> 4) ^ flags) & Flags.Sign) != 0 || (flags & Flags.Zero) != 0;
}

/// <summary>The other eight.</summary>
internal readonly struct Not<TCondition> : ICondition
    where TCondition : struct, ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfCompare<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => !TCondition.OfCompare(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfResult<T>(T result) where T : unmanaged, IBinaryInteger<T> => !TCondition.OfResult(result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OfFlags(uint flags) => !TCondition.OfFlags(flags);
}

/// <summary>What the decoder knows of the operation that made the flags.</summary>
internal unsafe interface IFlagSource
{
    static abstract bool Test<TCondition>(CpuState* s) where TCondition : struct, ICondition;
}

/// <summary>A comparison or subtraction.</summary>
// SAFETY: reads the flags of the CpuState that is passed.
internal readonly unsafe struct FromCompare<T> : IFlagSource
    where T : unmanaged, IBinaryInteger<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test<TCondition>(CpuState* s) where TCondition : struct, ICondition
        => TCondition.OfCompare(T.CreateTruncating(s->FlagA), T.CreateTruncating(s->FlagB));
}

/// <summary>A logical operation.</summary>
// SAFETY: reads the flags of the CpuState that is passed.
internal readonly unsafe struct FromLogic<T> : IFlagSource
    where T : unmanaged, IBinaryInteger<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test<TCondition>(CpuState* s) where TCondition : struct, ICondition
        => TCondition.OfResult(T.CreateTruncating(s->FlagA));
}

/// <summary>Anything.</summary>
// SAFETY: reads the flags of the CpuState that is passed.
internal readonly unsafe struct FromAny : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test<TCondition>(CpuState* s) where TCondition : struct, ICondition
        => typeof(TCondition) == typeof(EqualCondition) ? Flags.IsZero(s)
            : typeof(TCondition) == typeof(BelowCondition) ? Flags.IsCarry(s)
            : TCondition.OfFlags(Flags.Get(s));
}
