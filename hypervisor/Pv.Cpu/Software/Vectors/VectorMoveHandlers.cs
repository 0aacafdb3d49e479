using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Moves of whole XMM registers.</summary>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class VectorMoveHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegReg(CpuState* s, Op* op)
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        *Xmm.At(s, op->Dst) = *Xmm.At(s, op->Src);
        Core.Next(s, op);
    }

    /// <summary>Replaces all of the register: a scalar's rest becomes zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load<TSource, TAddress, TAccess>(CpuState* s, Op* op)
        where TSource : struct, IVectorSource
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var address = TAddress.Of(s, op);
        if (TSource.MustBeAligned && (address & 15) != 0)
        {
            Xmm.Misaligned(s, op);
            return;
        }
        if (!TAccess.Read(s, op, address, TSource.Bytes, out var bytes))
        {
            if (TAccess.IsStraight)
                Load<TSource, TAddress, Roundabout>(s, op);
            return;
        }
        *Xmm.At(s, op->Dst) = TSource.Load(bytes);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store<TSource, TAddress, TAccess>(CpuState* s, Op* op)
        where TSource : struct, IVectorSource
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var address = TAddress.Of(s, op);
        if (TSource.MustBeAligned && (address & 15) != 0)
        {
            Xmm.Misaligned(s, op);
            return;
        }
        if (!TAccess.Update(s, op, address, 16, out var bytes))
        {
            if (TAccess.IsStraight)
                Store<TSource, TAddress, Roundabout>(s, op);
            return;
        }
        Vector128.Store(*Xmm.At(s, op->Src), bytes);
        TAccess.Commit(s, op, address, bytes, 16);
        Core.Next(s, op);
    }
}
