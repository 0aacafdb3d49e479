using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Moves between registers and memory, with and without extension.</summary>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class MoveHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegReg<T>(CpuState* s, Op* op)
        where T : unmanaged
    {
        Core.Set(s, op->Dst, Core.Get<T>(s, op->Src));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegImm<T>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        Core.Set(s, op->Dst, T.CreateTruncating(op->Disp));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load<T, TAddress, TAccess>(CpuState* s, Op* op)
        where T : unmanaged
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!TAccess.Read(s, op, TAddress.Of(s, op), sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                Load<T, TAddress, Roundabout>(s, op);
            return;
        }
        Core.Set(s, op->Dst, *(T*)bytes);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store<T, TAddress, TAccess>(CpuState* s, Op* op)
        where T : unmanaged
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        var address = TAddress.Of(s, op);
        if (!TAccess.Update(s, op, address, sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                Store<T, TAddress, Roundabout>(s, op);
            return;
        }
        *(T*)bytes = Core.Get<T>(s, op->Src);
        TAccess.Commit(s, op, address, bytes, sizeof(T));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreImm<T, TAddress, TAccess>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        var address = TAddress.Of(s, op);
        if (!TAccess.Update(s, op, address, sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                StoreImm<T, TAddress, Roundabout>(s, op);
            return;
        }
        *(T*)bytes = T.CreateTruncating(op->Imm);
        TAccess.Commit(s, op, address, bytes, sizeof(T));
        Core.Next(s, op);
    }

    /// <summary><c>movzx</c>, <c>movsx</c>, <c>movsxd</c> between registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExtendReg<TTo, TFrom, TSign>(CpuState* s, Op* op)
        where TTo : unmanaged, IBinaryInteger<TTo>
        where TFrom : unmanaged
        where TSign : struct, IExtension
    {
        Core.Set(s, op->Dst, TTo.CreateTruncating(TSign.Widen(Core.Get<TFrom>(s, op->Src))));
        Core.Next(s, op);
    }

    /// <summary><c>movzx</c>, <c>movsx</c>, <c>movsxd</c> from memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExtendLoad<TTo, TFrom, TSign, TAddress, TAccess>(CpuState* s, Op* op)
        where TTo : unmanaged, IBinaryInteger<TTo>
        where TFrom : unmanaged
        where TSign : struct, IExtension
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!TAccess.Read(s, op, TAddress.Of(s, op), sizeof(TFrom), out var bytes))
        {
            if (TAccess.IsStraight)
                ExtendLoad<TTo, TFrom, TSign, TAddress, Roundabout>(s, op);
            return;
        }
        Core.Set(s, op->Dst, TTo.CreateTruncating(TSign.Widen(*(TFrom*)bytes)));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lea<T, TAddress>(CpuState* s, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TAddress : struct, IAddress
    {
        Core.Set(s, op->Dst, T.CreateTruncating(TAddress.Of(s, op)));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExchangeReg<T>(CpuState* s, Op* op)
        where T : unmanaged
    {
        var value = Core.Get<T>(s, op->Dst);
        Core.Set(s, op->Dst, Core.Get<T>(s, op->Src));
        Core.Set(s, op->Src, value);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Swap32(CpuState* s, Op* op)
    {
        Core.Set(s, op->Dst, BinaryPrimitives.ReverseEndianness(Core.Get<uint>(s, op->Dst)));
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Swap64(CpuState* s, Op* op)
    {
        Core.Set(s, op->Dst, BinaryPrimitives.ReverseEndianness(Core.Get<ulong>(s, op->Dst)));
        Core.Next(s, op);
    }

    /// <summary><c>cdqe</c>, <c>cdq</c>, <c>cqo</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cdqe(CpuState* s, Op* op)
    {
        Core.Reg(s, 0) = (ulong)(int)Core.Reg(s, 0);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cdq(CpuState* s, Op* op)
    {
        Core.Reg(s, 2) = (uint)((int)Core.Reg(s, 0) >> 31);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cqo(CpuState* s, Op* op)
    {
        Core.Reg(s, 2) = (ulong)((long)Core.Reg(s, 0) >> 63);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Nothing(CpuState* s, Op* op) => Core.Next(s, op);
}

/// <summary>How a value becomes wider.</summary>
internal interface IExtension
{
    static abstract ulong Widen<T>(T value) where T : unmanaged;
}

internal readonly struct ZeroExtension : IExtension
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Widen<T>(T value) where T : unmanaged => Flags.Wide(value);
}

internal readonly struct SignExtension : IExtension
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Widen<T>(T value) where T : unmanaged => (ulong)Flags.Signed(value);
}
