using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Operations of the engine's own that end a run of handlers.</summary>
// SAFETY: see CpuState and Op.
internal static unsafe class Leaving
{
    /// <summary>Stands for every operation of a dropped block: goes back to look the address up again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Stale(CpuState* s, Op* op)
    {
        s->Retired += op->Count;
        s->Rip = Core.RipOf(op);
    }

    /// <summary>The first operation of a block that may be translated: counts down, and asks for it in the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Count(CpuState* s, Op* op)
    {
        if (--op->Imm > 0)
        {
            Core.Next(s, op);
        }
        else
        {
            s->Hot = Core.BlockOf(op);
            s->Rip = s->Hot->Rip;
        }
    }

    /// <summary>The first operation of a block that is not worth being translated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pass(CpuState* s, Op* op) => Core.Next(s, op);

    /// <summary>The first operation of a block that is translated: goes back, to go on there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Enter(CpuState* s, Op* op) => s->Rip = Core.BlockOf(op)->Rip;

    /// <summary>Stands behind an operation that is done for translated code, which goes on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Return(CpuState* s, Op* op) => s->IsDone = true;

    /// <summary>Ends a block that does not end in a jump: the next one starts behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FallThrough(CpuState* s, Op* op)
    {
        s->Retired += op->Total;
        var links = (Links*)(op + 1);
        if (s->Retired < s->Limit && links->Taken.Tag == s->MapTag)
            links->Taken.Target->Handler(s, links->Taken.Target);
        else
            Unlinked(s, &links->Taken, Core.RipOf(op));
    }

    /// <summary>Goes back to find the block at <paramref name="rip"/> and have the link set.</summary>
    public static void Unlinked(CpuState* s, Link* link, ulong rip)
    {
        s->Rip = rip;
        s->PendingLink = link;
    }

    /// <summary>An instruction that raises an exception, whatever its operands: vector in Dst, error code in Imm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Raise(CpuState* s, Op* op) => Core.Fault(s, op, op->Dst, (uint)op->Imm);

    /// <summary>An instruction that is done when its trap is raised: vector in Dst.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RaiseTrap(CpuState* s, Op* op) => Core.Trap(s, op, op->Dst);

    /// <summary><c>syscall</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Syscall(CpuState* s, Op* op)
    {
        var next = Core.NextRip(op);
        Core.Complete(s, op, next);
        Core.Reg(s, 1) = next;
        Core.Reg(s, 11) = s->SystemFlags | Flags.Get(s) | 2;
        Core.SetExit(s, CpuExitKind.Syscall);
    }
}
