using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Near jumps, calls and returns: the ends of blocks.</summary>
// SAFETY: see CpuState and Op; a terminator's next slot holds its links; link targets live as long as the arena.
internal static unsafe class BranchHandlers
{
    private const int Rsp = 4;

    /// <summary>Goes on at a link's block, or back to have the link set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Follow(CpuState* s, Link* link, ulong rip)
    {
        if (s->Retired < s->Limit && link->Tag == s->MapTag)
            link->Target->Handler(s, link->Target);
        else
            Leaving.Unlinked(s, link, rip);
    }

    /// <summary>Goes on at an address that only this execution knows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Find(CpuState* s, ulong rip)
    {
        var jump = &s->Jumps[rip & (JumpEntry.Count - 1)];
        if (jump->Rip == rip && jump->Tag == s->MapTag && s->Retired < s->Limit)
            jump->Target->Handler(s, jump->Target);
        else
            s->Rip = rip;
    }

    /// <summary><c>jmp rel</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Jump(CpuState* s, Op* op)
    {
        s->Retired += op->Total;
        Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
    }

    /// <summary><c>jcc</c>; the decoder swaps the ways for a negated condition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Conditional<TCondition, TSource>(CpuState* s, Op* op)
        where TCondition : struct, ICondition
        where TSource : struct, IFlagSource
    {
        s->Retired += op->Total;
        if (TSource.Test<TCondition>(s))
            Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
        else
            Follow(s, &((Links*)(op + 1))->Fall, Core.NextRip(op));
    }

    /// <summary>As above, for the negations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ConditionalNot<TCondition, TSource>(CpuState* s, Op* op)
        where TCondition : struct, ICondition
        where TSource : struct, IFlagSource
    {
        s->Retired += op->Total;
        if (!TSource.Test<TCondition>(s))
            Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
        else
            Follow(s, &((Links*)(op + 1))->Fall, Core.NextRip(op));
    }

    /// <summary>A flag-setting operation on two registers, and the <c>jcc</c> behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FusedReg<TPair, TCondition, T>(CpuState* s, Op* op)
        where TPair : struct, IFusedPair
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>
    {
        s->Retired += op->Total;
        if (TPair.Do<TCondition, T>(s, op, Core.Get<T>(s, op->Dst), Core.Get<T>(s, op->Src)))
            Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
        else
            Follow(s, &((Links*)(op + 1))->Fall, Core.NextRip(op));
    }

    /// <summary>A flag-setting operation on a register and a constant, and the <c>jcc</c> behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FusedImm<TPair, TCondition, T>(CpuState* s, Op* op)
        where TPair : struct, IFusedPair
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>
    {
        s->Retired += op->Total;
        if (TPair.Do<TCondition, T>(s, op, Core.Get<T>(s, op->Dst), T.CreateTruncating(op->Imm)))
            Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
        else
            Follow(s, &((Links*)(op + 1))->Fall, Core.NextRip(op));
    }

    /// <summary><c>call rel</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Call<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rsp) - 8;
        if (!TAccess.Update(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                Call<Roundabout>(s, op);
            return;
        }
        *(ulong*)bytes = Core.NextRip(op);
        Core.Reg(s, Rsp) = address;
        TAccess.Commit(s, op, address, bytes, 8);
        s->Retired += op->Total;
        Follow(s, &((Links*)(op + 1))->Taken, (ulong)op->Disp);
    }

    /// <summary><c>ret</c> and <c>ret imm</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Return<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rsp);
        if (!TAccess.Read(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                Return<Roundabout>(s, op);
            return;
        }
        var target = *(ulong*)bytes;
        if (!Core.IsCanonical(target))
        {
            Core.Fault(s, op, ExceptionVector.GeneralProtection);
            return;
        }
        Core.Reg(s, Rsp) = address + 8 + (ulong)op->Imm;
        s->Retired += op->Total;
        Find(s, target);
    }

    /// <summary><c>jmp r64</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void JumpReg(CpuState* s, Op* op)
    {
        var target = Core.Get<ulong>(s, op->Src);
        if (!Core.IsCanonical(target))
        {
            Core.Fault(s, op, ExceptionVector.GeneralProtection);
            return;
        }
        s->Retired += op->Total;
        Find(s, target);
    }

    /// <summary><c>jmp [m]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void JumpMem<TAddress, TAccess>(CpuState* s, Op* op)
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!TAccess.Read(s, op, TAddress.Of(s, op), 8, out var bytes))
        {
            if (TAccess.IsStraight)
                JumpMem<TAddress, Roundabout>(s, op);
            return;
        }
        var target = *(ulong*)bytes;
        if (!Core.IsCanonical(target))
        {
            Core.Fault(s, op, ExceptionVector.GeneralProtection);
            return;
        }
        s->Retired += op->Total;
        Find(s, target);
    }

    /// <summary><c>call r64</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CallReg<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var target = Core.Get<ulong>(s, op->Src);
        if (!Core.IsCanonical(target))
        {
            Core.Fault(s, op, ExceptionVector.GeneralProtection);
            return;
        }
        var address = Core.Reg(s, Rsp) - 8;
        if (!TAccess.Update(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                CallReg<Roundabout>(s, op);
            return;
        }
        *(ulong*)bytes = Core.NextRip(op);
        Core.Reg(s, Rsp) = address;
        TAccess.Commit(s, op, address, bytes, 8);
        s->Retired += op->Total;
        Find(s, target);
    }
}

/// <summary>The operations that a <c>jcc</c> behind them is fused with.</summary>
internal unsafe interface IFusedPair
{
    static abstract bool Do<TCondition, T>(CpuState* s, Op* op, T a, T b)
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>;
}

// SAFETY: the rest of this file: flags are fields of the CpuState that is passed; Dst names a register.
internal readonly unsafe struct CompareAndJump : IFusedPair
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do<TCondition, T>(CpuState* s, Op* op, T a, T b)
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>
    {
        Flags.Set(s, Flags.Sub, a, b);
        return TCondition.OfCompare(a, b);
    }
}

internal readonly unsafe struct TestAndJump : IFusedPair
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do<TCondition, T>(CpuState* s, Op* op, T a, T b)
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = a & b;
        Flags.SetLogic(s, result);
        return TCondition.OfResult(result);
    }
}

internal readonly unsafe struct SubtractAndJump : IFusedPair
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do<TCondition, T>(CpuState* s, Op* op, T a, T b)
        where TCondition : struct, ICondition
        where T : unmanaged, IBinaryInteger<T>
    {
        Flags.Set(s, Flags.Sub, a, b);
        Core.Set(s, op->Dst, a - b);
        return TCondition.OfCompare(a, b);
    }
}
