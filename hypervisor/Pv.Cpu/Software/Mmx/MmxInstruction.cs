using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>What instructions on MMX registers share: availability, operands, and what they do to the x87 unit whose registers these are.</summary>
// SAFETY: see X87Unit; memory is reached through Operand.
internal static unsafe class MmxInstruction
{
    /// <summary>False after #NM, or after #MF when an x87 exception is pending.</summary>
    public static bool TryBegin(CpuState* s, Op* op)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        return (new X87Unit(s).Status & X87Status.Summary) == 0 || Core.Fault(s, op, ExceptionVector.MathFault);
    }

    public static int Number(Register register) => register - Register.MM0;

    /// <summary>Reads a register or memory (up to 8 bytes, zero-extended), or an immediate. False after a fault.</summary>
    public static bool TryRead(CpuState* s, Op* op, GeneralRecord* record, int number, out ulong value)
    {
        if (record->Instruction.GetOpKind(number) == OpKind.Register && record->Instruction.GetOpRegister(number).IsMM())
        {
            value = *new X87Unit(s).Mmx(Number(record->Instruction.GetOpRegister(number)));
            return true;
        }
        return Operand.TryRead(s, op, record, number, out value);
    }

    /// <summary>Writes the first operand, an MMX register, and ends the instruction. Always true.</summary>
    public static bool Complete(CpuState* s, GeneralRecord* record, ulong value)
    {
        var unit = new X87Unit(s);
        unit.EnterMmx();
        unit.SetMmx(Number(record->Instruction.Op0Register), value);
        return true;
    }
}
