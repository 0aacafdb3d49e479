using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Moves between MMX registers, general registers, XMM registers and memory; single words; masks; <c>emms</c>.</summary>
// SAFETY: see MmxInstruction and VectorOperand.
internal static unsafe class MmxMoves
{
    /// <summary><c>movd</c>, <c>movq</c>, <c>movntq</c>, either way.</summary>
    public static bool Move(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var value))
            return false;
        if (record->Instruction.Op0Kind == OpKind.Register && record->Instruction.Op0Register.IsMM())
            return MmxInstruction.Complete(s, record, value);
        // As processors do it: after a store that faults the stack's top is 0, and what is empty is as before.
        var unit = new X87Unit(s) { Top = 0 };
        if (!Operand.TryWrite(s, op, record, 0, Operand.Cut(value, Operand.Size(record, 0))))
            return false;
        unit.EnterMmx();
        return true;
    }

    /// <summary><c>movq2dq</c>: the upper half is cleared.</summary>
    public static bool MoveToXmm(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var value))
            return false;
        *VectorOperand.Register(s, record->Instruction.Op0Register) = Vector128.CreateScalar(value).AsByte();
        new X87Unit(s).EnterMmx();
        return true;
    }

    /// <summary><c>movdq2q</c>.</summary>
    public static bool MoveFromXmm(CpuState* s, Op* op, GeneralRecord* record)
        => MmxInstruction.TryBegin(s, op)
            && MmxInstruction.Complete(s, record, VectorOperand.Register(s, record->Instruction.Op1Register)->AsUInt64().ToScalar());

    /// <summary><c>pinsrw</c>.</summary>
    public static bool InsertWord(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op) || !Operand.TryRead(s, op, record, 1, out var word))
            return false;
        var shift = (record->Instruction.Immediate8 & 3) * 16;
        var old = *new X87Unit(s).Mmx(MmxInstruction.Number(record->Instruction.Op0Register));
        return MmxInstruction.Complete(s, record, (old & ~(0xfffful << shift)) | ((ulong)(ushort)word << shift));
    }

    /// <summary><c>pextrw</c>.</summary>
    public static bool ExtractWord(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var value))
            return false;
        Operand.SetRegister(s, record->Instruction.Op0Register, (ushort)(value >> ((record->Instruction.Immediate8 & 3) * 16)));
        new X87Unit(s).EnterMmx();
        return true;
    }

    /// <summary><c>pmovmskb</c>.</summary>
    public static bool ExtractSigns(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var value))
            return false;
        Operand.SetRegister(s, record->Instruction.Op0Register, Signs(value));
        new X87Unit(s).EnterMmx();
        return true;
    }

    /// <summary><c>maskmovq</c>: the bytes whose mask has its highest bit set. All of the operand must be writable, if any byte is written.</summary>
    public static bool StoreMasked(CpuState* s, Op* op, GeneralRecord* record)
    {
        const int bytes = 8;
        if (!MmxInstruction.TryBegin(s, op) || !MmxInstruction.TryRead(s, op, record, 1, out var value)
            || !MmxInstruction.TryRead(s, op, record, 2, out var masks))
            return false;
        new X87Unit(s).EnterMmx();
        ref readonly var instruction = ref record->Instruction;
        var mask = Signs(masks);
        var rdi = Core.Reg(s, 7);
        var address = (instruction.Op0Kind == OpKind.MemorySegEDI ? (uint)rdi : rdi) + s->SegmentBases[MemoryOperand.SegmentIndex(instruction.SegmentPrefix)];
        if (mask != 0 && !GuestMemory.CanWrite(s, op, address, bytes))
            return false;
        for (var i = 0; i < bytes; i++)
            if ((mask >> i & 1) != 0)
                GuestMemory.Write(s, op, address + (ulong)i, (byte*)&value + i, 1);
        return true;
    }

    /// <summary><c>emms</c>: all registers are empty.</summary>
    public static bool Empty(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!MmxInstruction.TryBegin(s, op))
            return false;
        var unit = new X87Unit(s);
        unit.EnterMmx();
        unit.Tags = 0;
        return true;
    }

    private static ulong Signs(ulong bytes) => Vector64.CreateScalar(bytes).AsByte().ExtractMostSignificantBits();
}
