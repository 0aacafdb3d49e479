namespace Pv.Cpu.Software;

/// <summary>Everything that makes a register of its old value, a source and a constant.</summary>
// SAFETY: see MmxInstruction.
internal static unsafe class MmxLanes
{
    public static bool Run<TOperation, TShape>(CpuState* s, Op* op, GeneralRecord* record)
        where TOperation : struct, IVectorOperation
        where TShape : struct, IMmxShape
    {
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var source))
            return false;
        var immediate = record->Instruction.OpCount > 2 ? record->Instruction.Immediate8 : (byte)0;
        var old = *new X87Unit(s).Mmx(MmxInstruction.Number(record->Instruction.Op0Register));
        return MmxInstruction.Complete(s, record, TShape.Do<TOperation>(old, source, immediate));
    }
}
