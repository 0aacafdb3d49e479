using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Arithmetic and logic of two operands.</summary>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class AluHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegReg<TOperation, T, TFlags>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = TOperation.Do<T, TFlags>(s, Core.Get<T>(s, op->Dst), Core.Get<T>(s, op->Src));
        if (TOperation.Writes)
            Core.Set(s, op->Dst, result);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegImm<TOperation, T, TFlags>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        var result = TOperation.Do<T, TFlags>(s, Core.Get<T>(s, op->Dst), T.CreateTruncating(op->Imm));
        if (TOperation.Writes)
            Core.Set(s, op->Dst, result);
        Core.Next(s, op);
    }

    /// <summary>A copy of a register and the operation on the copy: <c>mov a, b; op a, c</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyReg<TOperation, T, TFlags>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, TOperation.Do<T, TFlags>(s, Core.Get<T>(s, op->Base), Core.Get<T>(s, op->Src)));
        Core.Next(s, op);
    }

    /// <summary>The same with a constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyImm<TOperation, T, TFlags>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
    {
        Core.Set(s, op->Dst, TOperation.Do<T, TFlags>(s, Core.Get<T>(s, op->Base), T.CreateTruncating(op->Imm)));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegMem<TOperation, T, TFlags, TAddress, TAccess>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TFlags : struct, IFlagUse
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!TAccess.Read(s, op, TAddress.Of(s, op), sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                RegMem<TOperation, T, TFlags, TAddress, Roundabout>(s, op);
            return;
        }
        var result = TOperation.Do<T, TFlags>(s, Core.Get<T>(s, op->Dst), *(T*)bytes);
        if (TOperation.Writes)
            Core.Set(s, op->Dst, result);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MemReg<TOperation, T, TAddress, TAccess>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        var address = TAddress.Of(s, op);
        byte* bytes;
        if (!(TOperation.Writes ? TAccess.Update(s, op, address, sizeof(T), out bytes) : TAccess.Read(s, op, address, sizeof(T), out bytes)))
        {
            if (TAccess.IsStraight)
                MemReg<TOperation, T, TAddress, Roundabout>(s, op);
            return;
        }
        var result = TOperation.Do<T, LiveFlags>(s, *(T*)bytes, Core.Get<T>(s, op->Src));
        if (TOperation.Writes)
        {
            *(T*)bytes = result;
            TAccess.Commit(s, op, address, bytes, sizeof(T));
        }
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MemImm<TOperation, T, TAddress, TAccess>(CpuState* s, Op* op)
        where TOperation : struct, IAluOperation
        where T : unmanaged, IBinaryInteger<T>
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        var address = TAddress.Of(s, op);
        byte* bytes;
        if (!(TOperation.Writes ? TAccess.Update(s, op, address, sizeof(T), out bytes) : TAccess.Read(s, op, address, sizeof(T), out bytes)))
        {
            if (TAccess.IsStraight)
                MemImm<TOperation, T, TAddress, Roundabout>(s, op);
            return;
        }
        var result = TOperation.Do<T, LiveFlags>(s, *(T*)bytes, T.CreateTruncating(op->Imm));
        if (TOperation.Writes)
        {
            *(T*)bytes = result;
            TAccess.Commit(s, op, address, bytes, sizeof(T));
        }
        Core.Next(s, op);
    }
}
