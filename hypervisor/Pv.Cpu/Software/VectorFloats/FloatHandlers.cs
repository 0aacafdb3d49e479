using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Floating-point instructions by the place of their source.</summary>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class FloatHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegReg<TInstruction>(CpuState* s, Op* op)
        where TInstruction : struct, IFloatInstruction
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        if (!TInstruction.Do(s, op, *Xmm.At(s, op->Src)))
            return;
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegMem<TInstruction, TSource, TAddress, TAccess>(CpuState* s, Op* op)
        where TInstruction : struct, IFloatInstruction
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
                RegMem<TInstruction, TSource, TAddress, Roundabout>(s, op);
            return;
        }
        if (!TInstruction.Do(s, op, TSource.Load(bytes)))
            return;
        Core.Next(s, op);
    }

    /// <summary>The source is a general register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegGeneral<TInstruction>(CpuState* s, Op* op)
        where TInstruction : struct, IFloatInstruction
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        if (!TInstruction.Do(s, op, Vector128.CreateScalar(Core.Get<ulong>(s, op->Src)).AsByte()))
            return;
        Core.Next(s, op);
    }
}
