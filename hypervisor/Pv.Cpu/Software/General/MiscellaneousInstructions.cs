using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Flags, conversions, conditional forms on memory, what the hypervisor answers, fences.</summary>
// SAFETY: see Operand.
internal static unsafe class MiscellaneousInstructions
{
    public static bool Nothing(CpuState* s, Op* op, GeneralRecord* record) => true;

    /// <summary>An instruction that only a kernel may use: the hypervisor emulates it from here.</summary>
    public static bool Privileged(CpuState* s, Op* op, GeneralRecord* record) => Core.Fault(s, op, ExceptionVector.GeneralProtection);

    public static bool Undefined(CpuState* s, Op* op, GeneralRecord* record) => Core.Fault(s, op, ExceptionVector.InvalidOpcode);

    public static bool Fence(CpuState* s, Op* op, GeneralRecord* record)
    {
        Interlocked.MemoryBarrier();
        return true;
    }

    /// <summary><c>clflush</c> and its kin: the access is checked as a read, and nothing is flushed.</summary>
    public static bool FlushLine(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryLoad(s, op, Operand.Address(s, op, record), 1, out _);

    public static bool Move(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var value) && Operand.TryWrite(s, op, record, 0, value);

    public static bool MoveSigned(CpuState* s, Op* op, GeneralRecord* record)
        => record->Instruction.Code == Code.Movsxd_r16_rm16 && Operand.IsMemory(record, 1) ? MoveHalf(s, op, record)
            : Operand.TryRead(s, op, record, 1, out var value)
            && Operand.TryWrite(s, op, record, 0, (ulong)Operand.Signed(value, Operand.Size(record, 1)));

    /// <summary><c>movsxd r16, m</c> reads 32 bits and keeps 16.</summary>
    private static bool MoveHalf(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryLoad(s, op, Operand.Address(s, op, record), 4, out var value) && Operand.TryWrite(s, op, record, 0, (ushort)value);

    public static bool ConditionalMove(CpuState* s, Op* op, GeneralRecord* record)
    {
        // The load is done, and may fault, whatever the condition.
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        if (!IsTrue(s, record->Instruction.ConditionCode))
            value = Operand.Register(s, record->Instruction.Op0Register);
        Operand.SetRegister(s, record->Instruction.Op0Register, value);
        return true;
    }

    public static bool ConditionalSet(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryWrite(s, op, record, 0, IsTrue(s, record->Instruction.ConditionCode) ? 1ul : 0);

    private static bool IsTrue(CpuState* s, ConditionCode code)
    {
        var flags = Flags.Get(s);
        var number = (int)code - 1;
        var holds = (number >> 1) switch
        {
            0 => OverflowCondition.OfFlags(flags),
            1 => BelowCondition.OfFlags(flags),
            2 => EqualCondition.OfFlags(flags),
            3 => BelowEqualCondition.OfFlags(flags),
            4 => SignCondition.OfFlags(flags),
            5 => ParityCondition.OfFlags(flags),
            6 => LessCondition.OfFlags(flags),
            _ => LessEqualCondition.OfFlags(flags),
        };
        return holds != ((number & 1) != 0);
    }

    /// <summary><c>cbw</c>, <c>cwde</c>, <c>cwd</c> (the others are frequent).</summary>
    public static bool Widen(CpuState* s, Op* op, GeneralRecord* record)
    {
        switch (record->Instruction.Mnemonic)
        {
            case Mnemonic.Cbw:
                Operand.SetRegister(s, 0, (ulong)(sbyte)Core.Reg(s, 0), 2);
                break;
            case Mnemonic.Cwde:
                Operand.SetRegister(s, 0, (ulong)(short)Core.Reg(s, 0), 4);
                break;
            default:
                Operand.SetRegister(s, 16, (ulong)((short)Core.Reg(s, 0) >> 15), 2);
                break;
        }
        return true;
    }

    public static bool LoadFlagsToAh(CpuState* s, Op* op, GeneralRecord* record)
    {
        Operand.SetRegister(s, 1, (Flags.Get(s) & 0xd5) | 2, 1);
        return true;
    }

    public static bool StoreAhToFlags(CpuState* s, Op* op, GeneralRecord* record)
    {
        Flags.Change(s, 0xd5, (uint)(Core.Reg(s, 0) >> 8) & 0xd5);
        return true;
    }

    public static bool ChangeFlag(CpuState* s, Op* op, GeneralRecord* record)
    {
        switch (record->Instruction.Mnemonic)
        {
            case Mnemonic.Clc:
                Flags.Change(s, Flags.Carry, 0);
                break;
            case Mnemonic.Stc:
                Flags.Change(s, Flags.Carry, Flags.Carry);
                break;
            case Mnemonic.Cmc:
                Flags.Change(s, Flags.Carry, Flags.IsCarry(s) ? 0 : Flags.Carry);
                break;
            case Mnemonic.Cld:
                s->SystemFlags &= ~Flags.Direction;
                break;
            default:
                s->SystemFlags |= Flags.Direction;
                break;
        }
        return true;
    }

    public static bool Translate(CpuState* s, Op* op, GeneralRecord* record)
    {
        var address = Core.Reg(s, 3) + (byte)Core.Reg(s, 0);
        // The table's address comes from ebx with an address-size prefix.
        if (record->Instruction.MemoryBase == Register.EBX)
            address = (uint)address;
        address += s->SegmentBases[MemoryOperand.SegmentIndex(record->Instruction.SegmentPrefix)];
        op->Segment &= 3;
        if (!Operand.TryLoad(s, op, address, 1, out var value))
            return false;
        Operand.SetRegister(s, 0, value, 1);
        return true;
    }

    public static bool ReadTimeStamp(CpuState* s, Op* op, GeneralRecord* record)
    {
        var host = SoftwareVcpu.Of(s).Host;
        SoftwareVcpu.Of(s).NoteChance();
        var time = host.ReadTsc();
        Operand.SetRegister(s, 0, (uint)time, 4);
        Operand.SetRegister(s, 16, time >> 32, 4);
        if (record->Instruction.Mnemonic == Mnemonic.Rdtscp)
            Operand.SetRegister(s, 8, host.TscAux, 4);
        return true;
    }

    public static bool ReadProcessorId(CpuState* s, Op* op, GeneralRecord* record)
    {
        Operand.SetRegister(s, Registers.OffsetOf(record->Instruction.Op0Register), SoftwareVcpu.Of(s).Host.TscAux, 8);
        return true;
    }

    public static bool ReadRandom(CpuState* s, Op* op, GeneralRecord* record)
    {
        SoftwareVcpu.Of(s).NoteChance();
        Operand.SetRegister(s, record->Instruction.Op0Register, SoftwareVcpu.Of(s).Host.Random());
        Flags.SetExplicit(s, Flags.Carry);
        return true;
    }

    public static bool Cpuid(CpuState* s, Op* op, GeneralRecord* record)
    {
        var leaf = SoftwareVcpu.Of(s).Host.Cpuid((uint)Core.Reg(s, 0), (uint)Core.Reg(s, 1));
        Core.Reg(s, 0) = leaf.Eax;
        Core.Reg(s, 3) = leaf.Ebx;
        Core.Reg(s, 1) = leaf.Ecx;
        Core.Reg(s, 2) = leaf.Edx;
        return true;
    }

    /// <summary><c>rdfsbase</c>, <c>rdgsbase</c>, <c>wrfsbase</c>, <c>wrgsbase</c>.</summary>
    public static bool SegmentBase(CpuState* s, Op* op, GeneralRecord* record)
    {
        var register = record->Instruction.Op0Register;
        switch (record->Instruction.Mnemonic)
        {
            case Mnemonic.Rdfsbase:
                Operand.SetRegister(s, register, s->SegmentBases[1]);
                return true;
            case Mnemonic.Rdgsbase:
                Operand.SetRegister(s, register, s->SegmentBases[2]);
                return true;
        }
        var value = Operand.Register(s, register);
        if (!Core.IsCanonical(value))
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        s->SegmentBases[record->Instruction.Mnemonic == Mnemonic.Wrfsbase ? 1 : 2] = value;
        return true;
    }
}
