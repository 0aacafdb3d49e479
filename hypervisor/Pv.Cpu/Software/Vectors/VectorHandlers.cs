using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>Instructions that put a pure function of an XMM register and a source into that register.</summary>
/// <remarks>Dst and Src of an operation are 16 times the number of an XMM register, where that is the operand.</remarks>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class VectorHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegReg<TOperation>(CpuState* s, Op* op)
        where TOperation : struct, IVectorOperation
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var target = Xmm.At(s, op->Dst);
        *target = TOperation.Do(*target, *Xmm.At(s, op->Src), (byte)op->Imm);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegMem<TOperation, TSource, TAddress, TAccess>(CpuState* s, Op* op)
        where TOperation : struct, IVectorOperation
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
                RegMem<TOperation, TSource, TAddress, Roundabout>(s, op);
            return;
        }
        var target = Xmm.At(s, op->Dst);
        *target = TOperation.Do(*target, TSource.Load(bytes), (byte)op->Imm);
        Core.Next(s, op);
    }

    /// <summary>A register and a constant that stands for the source: shifts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegImm<TOperation>(CpuState* s, Op* op)
        where TOperation : struct, IVectorOperation
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var target = Xmm.At(s, op->Dst);
        *target = TOperation.Do(*target, Vector128.CreateScalar((ulong)(byte)op->Imm).AsByte(), 0);
        Core.Next(s, op);
    }

    /// <summary>The source is a general register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RegGeneral<TOperation, T>(CpuState* s, Op* op)
        where TOperation : struct, IVectorOperation
        where T : unmanaged
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var target = Xmm.At(s, op->Dst);
        *target = TOperation.Do(*target, Vector128.CreateScalar(Flags.Wide(Core.Get<T>(s, op->Src))).AsByte(), (byte)op->Imm);
        Core.Next(s, op);
    }

    /// <summary>The destination is a general register, all of which is written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void GeneralReg<TExtraction>(CpuState* s, Op* op)
        where TExtraction : struct, IVectorExtraction
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        Core.Set(s, op->Dst, TExtraction.Do(*Xmm.At(s, op->Src), (byte)op->Imm));
        Core.Next(s, op);
    }

    /// <summary>A part of a register into memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MemReg<TExtraction, T, TAddress, TAccess>(CpuState* s, Op* op)
        where TExtraction : struct, IVectorExtraction
        where T : unmanaged
        where TAddress : struct, IAddress
        where TAccess : struct, IAccess
    {
        if (!Xmm.IsOn(s))
        {
            Xmm.NotAvailable(s, op);
            return;
        }
        var address = TAddress.Of(s, op);
        if (!TAccess.Update(s, op, address, sizeof(T), out var bytes))
        {
            if (TAccess.IsStraight)
                MemReg<TExtraction, T, TAddress, Roundabout>(s, op);
            return;
        }
        var value = TExtraction.Do(*Xmm.At(s, op->Src), (byte)op->Imm);
        if (sizeof(T) == 1)
            *bytes = (byte)value;
        else if (sizeof(T) == 2)
            *(ushort*)bytes = (ushort)value;
        else if (sizeof(T) == 4)
            *(uint*)bytes = (uint)value;
        else
            *(ulong*)bytes = value;
        TAccess.Commit(s, op, address, bytes, sizeof(T));
        Core.Next(s, op);
    }
}
