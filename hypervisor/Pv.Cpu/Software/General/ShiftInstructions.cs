using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Shifts and rotations in any form, through carry and of double width.</summary>
// SAFETY: see Operand.
internal static unsafe class ShiftInstructions
{
    public static bool Shift<TShift>(CpuState* s, Op* op, GeneralRecord* record)
        where TShift : struct, IShift
    {
        var count = Count(s, record, 1);
        // A count of 0 still writes the register (the upper half of 32 bits clears) and still checks the memory for writing.
        return Operand.TryUpdate(s, op, record, &Apply<TShift>, count, out _);
    }

    private static ulong Count(CpuState* s, GeneralRecord* record, int number)
    {
        var raw = record->Instruction.GetOpKind(number) == OpKind.Register ? (byte)Core.Reg(s, 1) : record->Instruction.GetImmediate(number);
        return raw & (Operand.Size(record, 0) == 8 ? 63u : 31u);
    }

    private static ulong Apply<TShift>(CpuState* s, ulong a, ulong count, int size)
        where TShift : struct, IShift
    {
        if (count == 0)
            return a;
        return size switch
        {
            1 => TShift.Do<byte, LiveFlags>(s, (byte)a, (int)count),
            2 => TShift.Do<ushort, LiveFlags>(s, (ushort)a, (int)count),
            4 => TShift.Do<uint, LiveFlags>(s, (uint)a, (int)count),
            _ => TShift.Do<ulong, LiveFlags>(s, a, (int)count),
        };
    }

    public static bool RotateCarryLeft(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Rcl, Count(s, record, 1), out _);

    public static bool RotateCarryRight(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Rcr, Count(s, record, 1), out _);

    private static ulong Rcl(CpuState* s, ulong a, ulong by, int size)
    {
        int bits = 8 * size, count = (int)by % (bits + 1);
        if (count == 0)
            return a;
        var carry = Flags.IsCarry(s) ? 1ul : 0;
        for (var i = 0; i < count; i++)
        {
            var top = (a >> (bits - 1)) & 1;
            a = Operand.Cut((a << 1) | carry, size);
            carry = top;
        }
        var sign = (a >> (bits - 1)) & 1;
        Flags.Change(s, Flags.Carry | Flags.Overflow, (uint)(carry | ((carry ^ sign) << 11)));
        return a;
    }

    private static ulong Rcr(CpuState* s, ulong a, ulong by, int size)
    {
        int bits = 8 * size, count = (int)by % (bits + 1);
        if (count == 0)
            return a;
        var carry = Flags.IsCarry(s) ? 1ul : 0;
        for (var i = 0; i < count; i++)
        {
            var low = a & 1;
            a = (a >> 1) | (carry << (bits - 1));
            carry = low;
        }
        var overflow = ((a >> (bits - 1)) ^ (a >> (bits - 2))) & 1;
        Flags.Change(s, Flags.Carry | Flags.Overflow, (uint)(carry | (overflow << 11)));
        return a;
    }

    public static bool DoubleLeft(CpuState* s, Op* op, GeneralRecord* record) => Double(s, op, record, &Shld);

    public static bool DoubleRight(CpuState* s, Op* op, GeneralRecord* record) => Double(s, op, record, &Shrd);

    /// <summary>The filler and the count travel in one word: the filler does not fit beside a 64-bit count, so it waits in the bounce buffer's last word.</summary>
    private static bool Double(CpuState* s, Op* op, GeneralRecord* record, delegate*<CpuState*, ulong, ulong, int, ulong> change)
    {
        s->Bounce[7] = Operand.Register(s, record->Instruction.Op1Register);
        return Operand.TryUpdate(s, op, record, change, Count(s, record, 2), out _);
    }

    private static ulong Shld(CpuState* s, ulong a, ulong by, int size)
    {
        int bits = 8 * size, count = (int)by;
        if (count == 0)
            return a;
        var filler = s->Bounce[7];
        // A 16-bit shift by more than 16 goes on with the destination's own bits, as processors do.
        var wide = size == 2
            ? ((UInt128)a << 32) | (filler << 16) | a
            : ((UInt128)a << bits) | filler;
        var width = size == 2 ? 48 : 2 * bits;
        var result = Operand.Cut((ulong)(wide << count >> (width - bits)), size);
        var carry = (uint)(wide >> (width - count)) & 1;
        var overflow = (uint)((a ^ result) >> (bits - 1)) & 1;
        Flags.SetExplicit(s, Flags.OfResult(result, 64 - bits) | carry | (overflow << 11));
        return result;
    }

    private static ulong Shrd(CpuState* s, ulong a, ulong by, int size)
    {
        int bits = 8 * size, count = (int)by;
        if (count == 0)
            return a;
        var filler = s->Bounce[7];
        var wide = size == 2
            ? ((UInt128)a << 32) | (filler << 16) | a
            : ((UInt128)filler << bits) | a;
        var result = Operand.Cut((ulong)(wide >> count), size);
        var carry = (uint)(wide >> (count - 1)) & 1;
        var overflow = (uint)((a ^ result) >> (bits - 1)) & 1;
        Flags.SetExplicit(s, Flags.OfResult(result, 64 - bits) | carry | (overflow << 11));
        return result;
    }
}
