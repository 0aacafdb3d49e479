using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Pushes and pops of 64 bits, <c>leave</c>. The stack pointer moves once the access is done.</summary>
// SAFETY: see CpuState and Op; memory is reached through IAccess only.
internal static unsafe class StackHandlers
{
    private const int Rsp = 4, Rbp = 5;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PushReg<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rsp) - 8;
        if (!TAccess.Update(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                PushReg<Roundabout>(s, op);
            return;
        }
        *(ulong*)bytes = Core.Get<ulong>(s, op->Src);
        Core.Reg(s, Rsp) = address;
        TAccess.Commit(s, op, address, bytes, 8);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PushImm<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rsp) - 8;
        if (!TAccess.Update(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                PushImm<Roundabout>(s, op);
            return;
        }
        *(long*)bytes = op->Imm;
        Core.Reg(s, Rsp) = address;
        TAccess.Commit(s, op, address, bytes, 8);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PopReg<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rsp);
        if (!TAccess.Read(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                PopReg<Roundabout>(s, op);
            return;
        }
        Core.Reg(s, Rsp) = address + 8;
        Core.Set(s, op->Dst, *(ulong*)bytes);
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Leave<TAccess>(CpuState* s, Op* op)
        where TAccess : struct, IAccess
    {
        var address = Core.Reg(s, Rbp);
        if (!TAccess.Read(s, op, address, 8, out var bytes))
        {
            if (TAccess.IsStraight)
                Leave<Roundabout>(s, op);
            return;
        }
        Core.Reg(s, Rbp) = *(ulong*)bytes;
        Core.Reg(s, Rsp) = address + 8;
        Core.Next(s, op);
    }
}
