using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>Runs an instruction of the general layer: complete, any form, no faster than need be.</summary>
// SAFETY: Disp of a general operation is the address of its record, in the same arena.
internal static unsafe class GeneralHandler
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(CpuState* s, Op* op)
    {
        var record = (GeneralRecord*)op->Disp;
        if (record->Execute(s, op, record))
            Core.Next(s, op);
    }
}
