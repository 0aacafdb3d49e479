using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary><c>inc</c>, <c>dec</c>, <c>neg</c>, <c>not</c>, shifts and multiplication of registers.</summary>
// SAFETY: see CpuState and Op.
internal static unsafe class UnaryHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Inc<T, TFlags>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = Core.Get<T>(s, op->Dst) + T.One;
        if (TFlags.Live)
            Flags.Set(s, Flags.Inc, result, Flags.IsCarry(s) ? T.One : T.Zero);
        Core.Set(s, op->Dst, result);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dec<T, TFlags>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = Core.Get<T>(s, op->Dst) - T.One;
        if (TFlags.Live)
            Flags.Set(s, Flags.Dec, result, Flags.IsCarry(s) ? T.One : T.Zero);
        Core.Set(s, op->Dst, result);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Neg<T, TFlags>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var value = Core.Get<T>(s, op->Dst);
        if (TFlags.Live)
            Flags.Set(s, Flags.Sub, T.Zero, value);
        Core.Set(s, op->Dst, T.Zero - value);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Not<T>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        Core.Set(s, op->Dst, ~Core.Get<T>(s, op->Dst));
        Core.Next(s, op);
    }

    /// <summary>A shift or rotation by a count of the instruction, already cut to the operand's range and not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ShiftImm<TShift, T, TFlags>(CpuState* s, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, TShift.Do<T, TFlags>(s, Core.Get<T>(s, op->Dst), op->Imm));
        Core.Next(s, op);
    }

    /// <summary>A copy of a register and the shift of the copy: <c>mov a, b; shl a, n</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyShift<TShift, T, TFlags>(CpuState* s, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, TShift.Do<T, TFlags>(s, Core.Get<T>(s, op->Base), op->Imm));
        Core.Next(s, op);
    }

    /// <summary>A shift or rotation by <c>cl</c>; by 0 it changes no flag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ShiftByCl<TShift, T, TFlags>(CpuState* s, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var count = (int)Core.Reg(s, 1) & (sizeof(T) == 8 ? 63 : 31);
        var value = Core.Get<T>(s, op->Dst);
        Core.Set(s, op->Dst, count == 0 ? value : TShift.Do<T, TFlags>(s, value, count));
        Core.Next(s, op);
    }

    /// <summary><c>imul r, r</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyReg<T, TFlags>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, Product<T, TFlags>(s, Core.Get<T>(s, op->Dst), Core.Get<T>(s, op->Src)));
        Core.Next(s, op);
    }

    /// <summary><c>imul r, r, imm</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyRegImm<T, TFlags>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, Product<T, TFlags>(s, Core.Get<T>(s, op->Src), T.CreateTruncating(op->Imm)));
        Core.Next(s, op);
    }

    /// <summary><c>imul r, [m]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyMem<T, TFlags, TAddress, TAccess>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!TAccess.Read(s, op, TAddress.Of(s, op), sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                MultiplyMem<T, TFlags, TAddress, Roundabout>(s, op);
            return;
        }
        Core.Set(s, op->Dst, Product<T, TFlags>(s, Core.Get<T>(s, op->Dst), *(T*)bytes));
        Core.Next(s, op);
    }

    /// <summary>The signed product, cut to size; carry and overflow say whether the cut lost something.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Product<T, TFlags>(CpuState* s, T a, T b)
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var product = a * b;
        if (TFlags.Live)
        {
            bool lost;
            if (sizeof(T) == 8)
                lost = Math.BigMul(Flags.Signed(a), Flags.Signed(b)) != Flags.Signed(product);
            else
                lost = Flags.Signed(a) * Flags.Signed(b) != Flags.Signed(product);
            Flags.SetProduct(s, Flags.Wide(product), 64 - (8 * sizeof(T)), lost);
        }
        return product;
    }
}
