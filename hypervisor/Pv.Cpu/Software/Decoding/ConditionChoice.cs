using System.Numerics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>What is known at decoding of the operation that made the flags last.</summary>
/// <param name="Kind"><see cref="Flags.Sub"/>, <see cref="Flags.Logic"/>, or <see cref="Flags.Explicit"/> for anything.</param>
/// <param name="Size">The operand's bytes.</param>
internal readonly record struct KnownFlags(uint Kind, int Size)
{
    public static KnownFlags Nothing => new(Flags.Explicit, 0);
}

/// <summary>Chooses the handler of an instruction that tests a condition.</summary>
// SAFETY: takes addresses of static methods only.
internal static unsafe class ConditionChoice
{
    /// <summary>Condition codes as Iced numbers them, from 1: o no b ae e ne be a s ns p np l ge le g.</summary>
    private static int Index(ConditionCode code) => (int)code - 1;

    private static bool IsNegated(ConditionCode code) => (Index(code) & 1) != 0;

    private interface IUse
    {
        static abstract Handler Of<TCondition, TSource>(bool negated)
            where TCondition : struct, ICondition
            where TSource : struct, IFlagSource;
    }

    public static Handler Jump(ConditionCode code, KnownFlags known) => Pick<ForJump>(code, known);

    public static Handler Set(ConditionCode code, KnownFlags known) => Pick<ForSet>(code, known);

    public static Handler Move(ConditionCode code, KnownFlags known, int size) => size switch
    {
        2 => Pick<ForMove<ushort>>(code, known),
        4 => Pick<ForMove<uint>>(code, known),
        _ => Pick<ForMove<ulong>>(code, known),
    };

    private static Handler Pick<TUse>(ConditionCode code, KnownFlags known)
        where TUse : struct, IUse => known switch
    {
        (Flags.Sub, 1) => Pick<TUse, FromCompare<byte>>(code),
        (Flags.Sub, 2) => Pick<TUse, FromCompare<ushort>>(code),
        (Flags.Sub, 4) => Pick<TUse, FromCompare<uint>>(code),
        (Flags.Sub, 8) => Pick<TUse, FromCompare<ulong>>(code),
        (Flags.Logic, 1) => Pick<TUse, FromLogic<byte>>(code),
        (Flags.Logic, 2) => Pick<TUse, FromLogic<ushort>>(code),
        (Flags.Logic, 4) => Pick<TUse, FromLogic<uint>>(code),
        (Flags.Logic, 8) => Pick<TUse, FromLogic<ulong>>(code),
        _ => Pick<TUse, FromAny>(code),
    };

    private static Handler Pick<TUse, TSource>(ConditionCode code)
        where TUse : struct, IUse
        where TSource : struct, IFlagSource
    {
        var negated = IsNegated(code);
        return (Index(code) >> 1) switch
        {
            0 => TUse.Of<OverflowCondition, TSource>(negated),
            1 => TUse.Of<BelowCondition, TSource>(negated),
            2 => TUse.Of<EqualCondition, TSource>(negated),
            3 => TUse.Of<BelowEqualCondition, TSource>(negated),
            4 => TUse.Of<SignCondition, TSource>(negated),
            5 => TUse.Of<ParityCondition, TSource>(negated),
            6 => TUse.Of<LessCondition, TSource>(negated),
            _ => TUse.Of<LessEqualCondition, TSource>(negated),
        };
    }

    private readonly struct ForJump : IUse
    {
        public static Handler Of<TCondition, TSource>(bool negated)
            where TCondition : struct, ICondition
            where TSource : struct, IFlagSource
        {
            if (negated)
                return &BranchHandlers.ConditionalNot<TCondition, TSource>;
            return &BranchHandlers.Conditional<TCondition, TSource>;
        }
    }

    private readonly struct ForSet : IUse
    {
        public static Handler Of<TCondition, TSource>(bool negated)
            where TCondition : struct, ICondition
            where TSource : struct, IFlagSource
        {
            if (negated)
                return &ConditionalHandlers.SetReg<Not<TCondition>, TSource>;
            return &ConditionalHandlers.SetReg<TCondition, TSource>;
        }
    }

    private readonly struct ForMove<T> : IUse
        where T : unmanaged
    {
        public static Handler Of<TCondition, TSource>(bool negated)
            where TCondition : struct, ICondition
            where TSource : struct, IFlagSource
        {
            if (negated)
                return &ConditionalHandlers.MoveReg<Not<TCondition>, TSource, T>;
            return &ConditionalHandlers.MoveReg<TCondition, TSource, T>;
        }
    }

    /// <summary>The handler that is both a flag-setting operation and the <c>jcc</c> behind it; null when there is none.</summary>
    public static Handler Fused(Mnemonic first, OperandForm form, int size, ConditionCode code) => first switch
    {
        Mnemonic.Cmp => Fused<CompareAndJump>(form, size, code),
        Mnemonic.Test => Fused<TestAndJump>(form, size, code),
        Mnemonic.Sub => Fused<SubtractAndJump>(form, size, code),
        _ => null,
    };

    private static Handler Fused<TPair>(OperandForm form, int size, ConditionCode code)
        where TPair : struct, IFusedPair => size switch
    {
        1 => Fused<TPair, byte>(form, code),
        2 => Fused<TPair, ushort>(form, code),
        4 => Fused<TPair, uint>(form, code),
        _ => Fused<TPair, ulong>(form, code),
    };

    private static Handler Fused<TPair, T>(OperandForm form, ConditionCode code)
        where TPair : struct, IFusedPair
        where T : unmanaged, IBinaryInteger<T> => (Index(code) >> 1) switch
    {
        0 => Fused<TPair, T, OverflowCondition>(form, code),
        1 => Fused<TPair, T, BelowCondition>(form, code),
        2 => Fused<TPair, T, EqualCondition>(form, code),
        3 => Fused<TPair, T, BelowEqualCondition>(form, code),
        4 => Fused<TPair, T, SignCondition>(form, code),
        5 => Fused<TPair, T, ParityCondition>(form, code),
        6 => Fused<TPair, T, LessCondition>(form, code),
        _ => Fused<TPair, T, LessEqualCondition>(form, code),
    };

    private static Handler Fused<TPair, T, TCondition>(OperandForm form, ConditionCode code)
        where TPair : struct, IFusedPair
        where T : unmanaged, IBinaryInteger<T>
        where TCondition : struct, ICondition
    {
        switch (form, IsNegated(code))
        {
            case (OperandForm.RegReg, false):
                return &BranchHandlers.FusedReg<TPair, TCondition, T>;
            case (OperandForm.RegReg, true):
                return &BranchHandlers.FusedReg<TPair, Not<TCondition>, T>;
            case (OperandForm.RegImm, false):
                return &BranchHandlers.FusedImm<TPair, TCondition, T>;
            case (OperandForm.RegImm, true):
                return &BranchHandlers.FusedImm<TPair, Not<TCondition>, T>;
            default:
                return null;
        }
    }
}
