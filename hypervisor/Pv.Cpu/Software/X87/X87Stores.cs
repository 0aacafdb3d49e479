using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fst</c>, <c>fist</c>, <c>fisttp</c> and <c>fbstp</c>.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Stores
{
    private const ulong LargestDecimal = 999_999_999_999_999_999;

    public static bool Store(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var pops = record->Instruction.Mnemonic is not Mnemonic.Fst;
        if (record->Instruction.Mnemonic == Mnemonic.Fstpnce && x.Unit.IsEmpty(0))
        {
            // Pops with no check for an empty register, which it does not store, either.
            x.Unit.Pop();
            return x.Complete();
        }
        var full = x.IsFull(0);
        var value = full ? x.Unit[0] : Float80.Indefinite;
        if (record->Instruction.Op0Kind == OpKind.Register)
        {
            if (x.Delivers)
            {
                x.Unit[record->Instruction.Op0Register - Register.ST0] = value;
                if (pops)
                    x.Unit.Pop();
            }
            return x.Complete();
        }
        var size = record->Instruction.MemorySize;
        if (size == MemorySize.Float80)
        {
            if (x.Delivers && !X87Memory.TryStore80(s, op, record, value))
                return false;
            return Finish(ref x, pops);
        }
        x.Float.Wraps = false;
        var number = value.Unpack();
        var bits = !full ? size == MemorySize.Float32 ? Packing.Indefinite<Binary32>() : Packing.Indefinite<Binary64>()
            : size == MemorySize.Float32 ? FloatConversion.Pack<Binary32>(ref x.Float, number, noteDenormal: false)
            : FloatConversion.Pack<Binary64>(ref x.Float, number, noteDenormal: false);
        if (!x.DeliversToMemory)
        {
            // Nothing was rounded, then.
            x.Float.Raised &= ~FloatExceptions.Precision;
            x.Float.RoundedUp = false;
        }
        if (x.DeliversToMemory && !Operand.TryStore(s, op, Operand.Address(s, op, record), bits, size.GetSize()))
            return false;
        return Finish(ref x, pops);
    }

    /// <summary><c>fist</c>, <c>fistp</c>, and <c>fisttp</c>, which cuts.</summary>
    public static bool StoreInteger(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var size = record->Instruction.MemorySize.GetSize();
        var mode = record->Instruction.Mnemonic == Mnemonic.Fisttp ? RoundingMode.TowardZero : x.Float.Rounding;
        var value = x.IsFull(0)
            ? FloatConversion.ToInteger(ref x.Float, x.Unit[0].Unpack(), mode, size * 8)
            : long.MinValue >> (64 - (size * 8));
        if (x.DeliversToMemory && !Operand.TryStore(s, op, Operand.Address(s, op, record), (ulong)value, size))
            return false;
        return Finish(ref x, pops: record->Instruction.Mnemonic != Mnemonic.Fist);
    }

    public static bool StoreDecimal(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var digits = x.IsFull(0) ? Decimal(ref x.Float, x.Unit[0].Unpack()) : IndefiniteDecimal;
        if (x.DeliversToMemory && !X87Memory.TryStore80(s, op, record, digits))
            return false;
        return Finish(ref x, pops: true);
    }

    private static Float80 IndefiniteDecimal => new(0xc000_0000_0000_0000, 0xffff);

    private static Float80 Decimal(ref FloatStatus status, in Unpacked value)
    {
        var up = false;
        var inexact = false;
        if (value.Class > FloatClass.Finite || !FloatConversion.TryMagnitude(value, status.Rounding, out var magnitude, out inexact, out up)
            || magnitude > LargestDecimal)
        {
            status.Raise(FloatExceptions.Invalid);
            return IndefiniteDecimal;
        }
        if (inexact)
            status.Raise(FloatExceptions.Precision);
        status.RoundedUp = up;
        var low = 0ul;
        for (var shift = 0; shift < 64; shift += 4, magnitude /= 10)
            low |= (magnitude % 10) << shift;
        return new Float80(low, (ushort)((value.Negative ? 0x8000u : 0) | (magnitude / 10 << 4) | (magnitude % 10)));
    }

    private static bool Finish(ref X87Instruction x, bool pops)
    {
        if (pops && x.DeliversToMemory)
            x.Unit.Pop();
        return x.Complete();
    }
}
