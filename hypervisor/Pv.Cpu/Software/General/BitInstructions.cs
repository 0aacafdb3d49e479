using System.Buffers.Binary;
using System.Numerics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Bit tests, scans and counts, byte swaps, BMI1 and BMI2, ADX, CRC32.</summary>
// SAFETY: see Operand.
internal static unsafe class BitInstructions
{
    private static ulong Keep(CpuState* s, ulong a, ulong bit, int size) => a;

    private static ulong Set(CpuState* s, ulong a, ulong bit, int size) => a | (1ul << (int)bit);

    private static ulong Reset(CpuState* s, ulong a, ulong bit, int size) => a & ~(1ul << (int)bit);

    private static ulong Complement(CpuState* s, ulong a, ulong bit, int size) => a ^ (1ul << (int)bit);

    public static bool Bt(CpuState* s, Op* op, GeneralRecord* record) => Test(s, op, record, &Keep, reads: true);

    public static bool Bts(CpuState* s, Op* op, GeneralRecord* record) => Test(s, op, record, &Set, reads: false);

    public static bool Btr(CpuState* s, Op* op, GeneralRecord* record) => Test(s, op, record, &Reset, reads: false);

    public static bool Btc(CpuState* s, Op* op, GeneralRecord* record) => Test(s, op, record, &Complement, reads: false);

    /// <summary>With a register for a bit number, a memory operand is a string of bits of any length on both sides of its address.</summary>
    private static bool Test(CpuState* s, Op* op, GeneralRecord* record, delegate*<CpuState*, ulong, ulong, int, ulong> change, bool reads)
    {
        var size = Operand.Size(record, 0);
        var inRegister = record->Instruction.Op1Kind == OpKind.Register;
        var number = inRegister ? Operand.Register(s, record->Instruction.Op1Register) : record->Instruction.Immediate8;
        var bit = number & (ulong)((8 * size) - 1);
        ulong old;
        if (!Operand.IsMemory(record, 0))
        {
            old = Operand.Register(s, record->Instruction.Op0Register);
            if (!reads)
                Operand.SetRegister(s, record->Instruction.Op0Register, change(s, old, bit, size));
        }
        else
        {
            var effective = Operand.EffectiveAddress(s, op, record);
            if (inRegister)
                effective += (ulong)((Operand.Signed(number, size) >> (3 + BitOperations.Log2((uint)size))) * size);
            if ((op->Scale & Op.Address32) != 0)
                effective = (uint)effective;
            var address = effective + s->SegmentBases[op->Segment & 3];
            if (reads ? !Operand.TryLoad(s, op, address, size, out old)
                : !Operand.TryUpdate(s, op, address, size, change, bit, out old, record->Instruction.HasLockPrefix))
                return false;
        }
        Flags.Change(s, Flags.Carry, (uint)(old >> (int)bit) & 1);
        return true;
    }

    /// <summary><c>bsf</c>: a zero source sets ZF and leaves the destination.</summary>
    public static bool ScanForward(CpuState* s, Op* op, GeneralRecord* record) => Scan(s, op, record, forward: true);

    public static bool ScanReverse(CpuState* s, Op* op, GeneralRecord* record) => Scan(s, op, record, forward: false);

    private static bool Scan(CpuState* s, Op* op, GeneralRecord* record, bool forward)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        if (value != 0)
            Operand.SetRegister(s, record->Instruction.Op0Register, (ulong)(forward ? BitOperations.TrailingZeroCount(value) : BitOperations.Log2(value)));
        Flags.Change(s, Flags.Zero, value == 0 ? Flags.Zero : 0);
        return true;
    }

    public static bool CountTrailing(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        var bits = 8 * Operand.Size(record, 1);
        return Counted(s, record, value == 0 ? bits : BitOperations.TrailingZeroCount(value), value == 0);
    }

    public static bool CountLeading(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        var bits = 8 * Operand.Size(record, 1);
        return Counted(s, record, BitOperations.LeadingZeroCount(value) - (64 - bits), value == 0);
    }

    private static bool Counted(CpuState* s, GeneralRecord* record, int count, bool none)
    {
        Operand.SetRegister(s, record->Instruction.Op0Register, (ulong)count);
        Flags.Change(s, Flags.Carry | Flags.Zero, (none ? Flags.Carry : 0) | (count == 0 ? Flags.Zero : 0));
        return true;
    }

    public static bool Population(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        Operand.SetRegister(s, record->Instruction.Op0Register, (ulong)BitOperations.PopCount(value));
        Flags.SetExplicit(s, value == 0 ? Flags.Zero : 0);
        return true;
    }

    public static bool Swap(CpuState* s, Op* op, GeneralRecord* record)
    {
        var register = record->Instruction.Op0Register;
        // The 16-bit form is undefined; processors clear the register.
        var value = Operand.Register(s, register);
        Operand.SetRegister(s, register, Reverse(value, Registers.SizeOf(register)) * (Registers.SizeOf(register) == 2 ? 0ul : 1));
        return true;
    }

    public static bool MoveSwapped(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var value)
            && Operand.TryWrite(s, op, record, 0, Reverse(value, Operand.Size(record, 0)));

    private static ulong Reverse(ulong value, int size) => BinaryPrimitives.ReverseEndianness(value) >> (64 - (8 * size));

    public static bool Crc32(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        var crc = (uint)Operand.Register(s, record->Instruction.Op0Register);
        crc = Operand.Size(record, 1) switch
        {
            1 => BitOperations.Crc32C(crc, (byte)value),
            2 => BitOperations.Crc32C(crc, (ushort)value),
            4 => BitOperations.Crc32C(crc, (uint)value),
            _ => BitOperations.Crc32C(crc, value),
        };
        Operand.SetRegister(s, record->Instruction.Op0Register, crc);
        return true;
    }

    public static bool AndNot(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var a) && Operand.TryRead(s, op, record, 2, out var b) && Logic(s, record, ~a & b, 0);

    public static bool LowestSet(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var value) && Logic(s, record, value & (0 - value), value != 0 ? Flags.Carry : 0);

    public static bool MaskToLowest(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var value) && Logic(s, record, value ^ (value - 1), value == 0 ? Flags.Carry : 0);

    public static bool ResetLowest(CpuState* s, Op* op, GeneralRecord* record)
        => Operand.TryRead(s, op, record, 1, out var value) && Logic(s, record, value & (value - 1), value == 0 ? Flags.Carry : 0);

    public static bool ZeroHigh(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value) || !Operand.TryRead(s, op, record, 2, out var index))
            return false;
        var bits = 8 * Operand.Size(record, 0);
        var from = (int)(index & 0xff);
        return from >= bits ? Logic(s, record, value, Flags.Carry) : Logic(s, record, value & ((1ul << from) - 1), 0);
    }

    public static bool Extract(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value) || !Operand.TryRead(s, op, record, 2, out var control))
            return false;
        int start = (int)(control & 0xff), length = (int)((control >> 8) & 0xff);
        var result = start >= 64 ? 0 : value >> start;
        if (length < 64)
            result &= (1ul << length) - 1;
        Operand.SetRegister(s, record->Instruction.Op0Register, result);
        Flags.SetExplicit(s, Operand.Cut(result, Operand.Size(record, 0)) == 0 ? Flags.Zero : 0);
        return true;
    }

    /// <summary>Zero and sign of the result, the given carry, overflow clear; adjust and parity, undefined, clear.</summary>
    private static bool Logic(CpuState* s, GeneralRecord* record, ulong result, uint carry)
    {
        var size = Operand.Size(record, 0);
        Operand.SetRegister(s, record->Instruction.Op0Register, result);
        Flags.SetExplicit(s, (Flags.OfResult(result, 64 - (8 * size)) & (Flags.Zero | Flags.Sign)) | carry);
        return true;
    }

    public static bool Deposit(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value) || !Operand.TryRead(s, op, record, 2, out var mask))
            return false;
        ulong result = 0;
        for (var bit = 0; mask != 0; bit++, mask &= mask - 1)
            result |= ((value >> bit) & 1) << BitOperations.TrailingZeroCount(mask);
        Operand.SetRegister(s, record->Instruction.Op0Register, result);
        return true;
    }

    public static bool Gather(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value) || !Operand.TryRead(s, op, record, 2, out var mask))
            return false;
        ulong result = 0;
        for (var bit = 0; mask != 0; bit++, mask &= mask - 1)
            result |= ((value >> BitOperations.TrailingZeroCount(mask)) & 1) << bit;
        Operand.SetRegister(s, record->Instruction.Op0Register, result);
        return true;
    }

    public static bool MultiplyWide(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 2, out var value))
            return false;
        ulong low, high;
        if (Operand.Size(record, 0) == 8)
        {
            high = Math.BigMul(Core.Reg(s, 2), value, out low);
        }
        else
        {
            low = (ulong)(uint)Core.Reg(s, 2) * value;
            high = low >> 32;
        }
        Operand.SetRegister(s, record->Instruction.Op1Register, low);
        Operand.SetRegister(s, record->Instruction.Op0Register, high);
        return true;
    }

    public static bool RotateRightTo(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value))
            return false;
        int count = record->Instruction.Immediate8;
        Operand.SetRegister(s, record->Instruction.Op0Register, Operand.Size(record, 0) == 8
            ? BitOperations.RotateRight(value, count)
            : BitOperations.RotateRight((uint)value, count));
        return true;
    }

    public static bool ShiftLeftTo(CpuState* s, Op* op, GeneralRecord* record) => ShiftTo(s, op, record, Mnemonic.Shlx);

    public static bool ShiftRightTo(CpuState* s, Op* op, GeneralRecord* record) => ShiftTo(s, op, record, Mnemonic.Shrx);

    public static bool ShiftArithmeticTo(CpuState* s, Op* op, GeneralRecord* record) => ShiftTo(s, op, record, Mnemonic.Sarx);

    private static bool ShiftTo(CpuState* s, Op* op, GeneralRecord* record, Mnemonic kind)
    {
        if (!Operand.TryRead(s, op, record, 1, out var value) || !Operand.TryRead(s, op, record, 2, out var by))
            return false;
        var size = Operand.Size(record, 0);
        var count = (int)by & ((8 * size) - 1);
        Operand.SetRegister(s, record->Instruction.Op0Register, kind switch
        {
            Mnemonic.Shlx => value << count,
            Mnemonic.Shrx => value >> count,
            _ => (ulong)(Operand.Signed(value, size) >> count),
        });
        return true;
    }

    public static bool AddCarryOnly(CpuState* s, Op* op, GeneralRecord* record) => AddThrough(s, op, record, Flags.Carry);

    public static bool AddOverflowOnly(CpuState* s, Op* op, GeneralRecord* record) => AddThrough(s, op, record, Flags.Overflow);

    /// <summary><c>adcx</c>, <c>adox</c>: an addition whose carry goes in and out through one flag.</summary>
    private static bool AddThrough(CpuState* s, Op* op, GeneralRecord* record, uint flag)
    {
        if (!Operand.TryRead(s, op, record, 1, out var b))
            return false;
        var size = Operand.Size(record, 0);
        var a = Operand.Register(s, record->Instruction.Op0Register);
        var flags = Flags.Get(s);
        var sum = (UInt128)a + b + ((flags & flag) != 0 ? 1u : 0);
        Operand.SetRegister(s, record->Instruction.Op0Register, (ulong)sum);
        Flags.SetExplicit(s, sum >> (8 * size) != 0 ? flags | flag : flags & ~flag);
        return true;
    }
}
