using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Stack instructions beyond the frequent ones: other sizes, memory operands, segments, flags, frames.</summary>
// SAFETY: see Operand.
internal static unsafe class StackInstructions
{
    private const int Rsp = 4, Rbp = 5;

    /// <summary>The flags that <c>popf</c> changes at CPL 3 with IOPL 0.</summary>
    private const uint Poppable = Flags.Arithmetic | Flags.Trap | Flags.Direction | Flags.Nested | Flags.AlignmentCheck | Flags.Identification;

    public static bool TryPush(CpuState* s, Op* op, ulong value, int size)
    {
        var address = Core.Reg(s, Rsp) - (ulong)size;
        // The stack's own faults are #SS, whatever the instruction's memory operand asks for.
        var segment = op->Segment;
        op->Segment = Op.StackSegment;
        var done = Operand.TryStore(s, op, address, value, size);
        op->Segment = segment;
        if (done)
            Core.Reg(s, Rsp) = address;
        return done;
    }

    /// <summary>Reads the stack's top, or what lies deeper, without moving the pointer.</summary>
    public static bool TryPeek(CpuState* s, Op* op, ulong depth, int size, out ulong value)
    {
        var segment = op->Segment;
        op->Segment = Op.StackSegment;
        var done = Operand.TryLoad(s, op, Core.Reg(s, Rsp) + depth, size, out value);
        op->Segment = segment;
        return done;
    }

    /// <summary>2 with an operand-size prefix, else 8.</summary>
    private static int StackSize(GeneralRecord* record) => record->Instruction.StackPointerIncrement is 2 or -2 ? 2 : 8;

    public static bool Push(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = StackSize(record);
        if (record->Instruction.Op0Kind == OpKind.Register && !Registers.IsGeneral(record->Instruction.Op0Register))
            return TryPush(s, op, SegmentInstructions.Selector(s, record->Instruction.Op0Register), size);
        return Operand.TryRead(s, op, record, 0, out var value) && TryPush(s, op, value, size);
    }

    public static bool Pop(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = StackSize(record);
        if (!TryPeek(s, op, 0, size, out var value))
            return false;
        var register = record->Instruction.Op0Register;
        if (record->Instruction.Op0Kind == OpKind.Register && !Registers.IsGeneral(register))
        {
            if (!SegmentInstructions.TryLoad(s, op, register, (ushort)value))
                return false;
            Core.Reg(s, Rsp) += (ulong)size;
            return SegmentInstructions.Loaded(s, op, register);
        }
        // An address by rsp counts from the pointer after the pop.
        Core.Reg(s, Rsp) += (ulong)size;
        if (Operand.TryWrite(s, op, record, 0, value))
            return true;
        Core.Reg(s, Rsp) -= (ulong)size;
        return false;
    }

    public static bool PushFlags(CpuState* s, Op* op, GeneralRecord* record)
        => TryPush(s, op, (s->SystemFlags | Flags.Get(s) | 2) & ~Flags.Resume, StackSize(record));

    /// <summary><c>popf</c> at CPL 3 with IOPL 0: IF and IOPL stay, nothing faults.</summary>
    public static bool PopFlags(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = StackSize(record);
        if (!TryPeek(s, op, 0, size, out var value))
            return false;
        Core.Reg(s, Rsp) += (ulong)size;
        SetFlags(s, (uint)value, size == 2 ? 0xffffu : uint.MaxValue);
        // The trap flag acts from the instruction behind this one on; a trap flag set before traps after this one.
        return Core.Complete(s, op, Core.NextRip(op));
    }

    /// <summary>Takes new flags as <c>popf</c> and <c>iret</c> do; those beyond <paramref name="mask"/> stay.</summary>
    public static void SetFlags(CpuState* s, uint value, uint mask)
    {
        s->SystemFlags = ((s->SystemFlags & ~(Poppable & mask)) | (value & Poppable & mask)) & ~(Flags.Arithmetic | Flags.Resume);
        Flags.SetExplicit(s, value);
        s->Stepping = (s->SystemFlags & Flags.Trap) != 0;
        if (s->ChecksAlignment != ((s->SystemFlags & Flags.AlignmentCheck) != 0))
            SoftwareVcpu.Of(s).FollowAlignmentFlag(s);
    }

    public static bool Leave(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = record->Instruction.Code == Code.Leavew ? 2 : 8;
        op->Segment = Op.StackSegment;
        var address = Core.Reg(s, Rbp);
        if (!Operand.TryLoad(s, op, address, size, out var value))
            return false;
        Core.Reg(s, Rsp) = address + (ulong)size;
        Operand.SetRegister(s, Rbp * 8, value, size);
        return true;
    }

    public static bool Enter(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = record->Instruction.Code == Code.Enterw_imm16_imm8 ? 2 : 8;
        uint room = record->Instruction.Immediate16;
        var level = record->Instruction.Immediate8_2nd & 31;
        op->Segment = Op.StackSegment;
        ulong stack = Core.Reg(s, Rsp), frame = Core.Reg(s, Rbp), from = frame;
        stack -= (ulong)size;
        if (!Operand.TryStore(s, op, stack, Core.Reg(s, Rbp), size))
            return false;
        frame = stack;
        for (var i = 1; i < level; i++)
        {
            from -= (ulong)size;
            stack -= (ulong)size;
            if (!Operand.TryLoad(s, op, from, size, out var value) || !Operand.TryStore(s, op, stack, value, size))
                return false;
        }
        if (level > 0)
        {
            stack -= (ulong)size;
            if (!Operand.TryStore(s, op, stack, frame, size))
                return false;
        }
        // The processor checks that the new top could be written.
        if (!GuestMemory.CanWrite(s, op, stack - room, size))
            return false;
        Core.Reg(s, Rsp) = stack - room;
        Operand.SetRegister(s, Rbp * 8, frame, size);
        return true;
    }

    public static bool CallNear(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 0, out var target))
            return false;
        if (!Core.IsCanonical(target))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        return TryPush(s, op, Core.NextRip(op), 8) && Core.Complete(s, op, target);
    }

    public static bool Loop(CpuState* s, Op* op, GeneralRecord* record)
    {
        var narrow = record->Instruction.Code is Code.Loop_rel8_64_ECX or Code.Loope_rel8_64_ECX or Code.Loopne_rel8_64_ECX;
        var count = narrow ? (uint)(Core.Reg(s, 1) - 1) : Core.Reg(s, 1) - 1;
        Core.Reg(s, 1) = count;
        var taken = count != 0 && record->Instruction.Mnemonic switch
        {
            Mnemonic.Loope => Flags.IsZero(s),
            Mnemonic.Loopne => !Flags.IsZero(s),
            _ => true,
        };
        return Core.Complete(s, op, taken ? record->Instruction.NearBranchTarget : Core.NextRip(op));
    }

    public static bool JumpOnZero(CpuState* s, Op* op, GeneralRecord* record)
    {
        var count = record->Instruction.Code == Code.Jecxz_rel8_64 ? (uint)Core.Reg(s, 1) : Core.Reg(s, 1);
        return Core.Complete(s, op, count == 0 ? record->Instruction.NearBranchTarget : Core.NextRip(op));
    }
}
