using System.Numerics;

namespace Pv.Cpu.Software;

/// <summary>Arithmetic in any form: memory destinations, <c>lock</c>, multiplication and division.</summary>
// SAFETY: see Operand.
internal static unsafe class Arithmetic
{
    /// <summary>An operation of two operands as Operand.TryUpdate calls it.</summary>
    public static ulong Apply<TOperation>(CpuState* s, ulong a, ulong b, int size)
        where TOperation : struct, IAluOperation => size switch
    {
        1 => TOperation.Do<byte, LiveFlags>(s, (byte)a, (byte)b),
        2 => TOperation.Do<ushort, LiveFlags>(s, (ushort)a, (ushort)b),
        4 => TOperation.Do<uint, LiveFlags>(s, (uint)a, (uint)b),
        _ => TOperation.Do<ulong, LiveFlags>(s, a, b),
    };

    public static bool Alu<TOperation>(CpuState* s, Op* op, GeneralRecord* record)
        where TOperation : struct, IAluOperation
        => Operand.TryRead(s, op, record, 1, out var other) && Operand.TryUpdate(s, op, record, &Apply<TOperation>, other, out _);

    /// <summary>An operation that keeps no result: its memory operand is only read.</summary>
    public static bool Compare<TOperation>(CpuState* s, Op* op, GeneralRecord* record)
        where TOperation : struct, IAluOperation
    {
        if (!Operand.TryRead(s, op, record, 0, out var a) || !Operand.TryRead(s, op, record, 1, out var b))
            return false;
        Apply<TOperation>(s, a, b, Operand.Size(record, 0));
        return true;
    }

    public static bool Inc(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Increase, 0, out _);

    public static bool Dec(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Decrease, 0, out _);

    public static bool Neg(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Negate, 0, out _);

    public static bool Not(CpuState* s, Op* op, GeneralRecord* record) => Operand.TryUpdate(s, op, record, &Invert, 0, out _);

    private static ulong Increase(CpuState* s, ulong a, ulong b, int size)
    {
        s->FlagB = Flags.IsCarry(s) ? 1ul : 0;
        s->FlagA = Operand.Cut(a + 1, size);
        s->FlagKind = (Flags.Inc << 2) | (uint)BitOperations.Log2((uint)size);
        return s->FlagA;
    }

    private static ulong Decrease(CpuState* s, ulong a, ulong b, int size)
    {
        s->FlagB = Flags.IsCarry(s) ? 1ul : 0;
        s->FlagA = Operand.Cut(a - 1, size);
        s->FlagKind = (Flags.Dec << 2) | (uint)BitOperations.Log2((uint)size);
        return s->FlagA;
    }

    private static ulong Negate(CpuState* s, ulong a, ulong b, int size) => Apply<SubOperation>(s, 0, a, size);

    private static ulong Invert(CpuState* s, ulong a, ulong b, int size) => ~a;

    private static ulong Replace(CpuState* s, ulong a, ulong b, int size) => b;

    /// <summary><c>xchg</c>: locked, prefix or not.</summary>
    public static bool Exchange(CpuState* s, Op* op, GeneralRecord* record)
    {
        // Either operand may be the memory; Iced puts it first, or both are registers.
        var value = Operand.Register(s, record->Instruction.Op1Register);
        if (!Operand.TryUpdate(s, op, record, &Replace, value, out var old, locked: true))
            return false;
        Operand.SetRegister(s, record->Instruction.Op1Register, old);
        return true;
    }

    public static bool ExchangeAdd(CpuState* s, Op* op, GeneralRecord* record)
    {
        var value = Operand.Register(s, record->Instruction.Op1Register);
        if (record->Instruction.Op0Kind == Iced.Intel.OpKind.Register)
        {
            // The source is written first: when both are one register, the sum stays.
            var first = Operand.Register(s, record->Instruction.Op0Register);
            Operand.SetRegister(s, record->Instruction.Op1Register, first);
            Operand.SetRegister(s, record->Instruction.Op0Register, Apply<AddOperation>(s, first, value, Operand.Size(record, 0)));
            return true;
        }
        if (!Operand.TryUpdate(s, op, record, &Apply<AddOperation>, value, out var old))
            return false;
        Operand.SetRegister(s, record->Instruction.Op1Register, old);
        return true;
    }

    private static ulong CompareReplace(CpuState* s, ulong a, ulong b, int size)
    {
        var accumulator = Operand.Cut(Core.Reg(s, 0), size);
        Apply<CompareOperation>(s, accumulator, a, size);
        return accumulator == a ? b : a;
    }

    public static bool CompareExchange(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = Operand.Size(record, 0);
        var value = Operand.Register(s, record->Instruction.Op1Register);
        var accumulator = Operand.Cut(Core.Reg(s, 0), size);
        ulong old;
        if (record->Instruction.Op0Kind == Iced.Intel.OpKind.Register)
        {
            // Only one of the two is written, upper half included; the destination may be the accumulator itself.
            old = Operand.Register(s, record->Instruction.Op0Register);
            var result = CompareReplace(s, old, value, size);
            if (accumulator == old)
                Operand.SetRegister(s, record->Instruction.Op0Register, result);
        }
        else if (!Operand.TryUpdate(s, op, record, &CompareReplace, value, out old))
            return false;
        if (accumulator != old)
            Operand.SetRegister(s, 0, old, size);
        return true;
    }

    /// <summary><c>imul</c> with two and three operands.</summary>
    public static bool MultiplySigned(CpuState* s, Op* op, GeneralRecord* record)
    {
        var count = record->Instruction.OpCount;
        if (count == 1)
            return Multiply(s, op, record, signed: true);
        var size = Operand.Size(record, 0);
        if (!Operand.TryRead(s, op, record, count - 2, out var a) || !Operand.TryRead(s, op, record, count - 1, out var b))
            return false;
        var product = size switch
        {
            2 => UnaryHandlers.Product<ushort, LiveFlags>(s, (ushort)a, (ushort)b),
            4 => UnaryHandlers.Product<uint, LiveFlags>(s, (uint)a, (uint)b),
            _ => UnaryHandlers.Product<ulong, LiveFlags>(s, a, b),
        };
        Operand.SetRegister(s, record->Instruction.Op0Register, product);
        return true;
    }

    public static bool MultiplyUnsigned(CpuState* s, Op* op, GeneralRecord* record) => Multiply(s, op, record, signed: false);

    private static bool Multiply(CpuState* s, Op* op, GeneralRecord* record, bool signed)
    {
        var size = Operand.Size(record, 0);
        if (!Operand.TryRead(s, op, record, 0, out var b))
            return false;
        var a = Operand.Cut(Core.Reg(s, 0), size);
        ulong low, high;
        if (size == 8)
        {
            high = signed ? (ulong)Math.BigMul((long)a, (long)b, out long _) : Math.BigMul(a, b, out ulong _);
            low = a * b;
        }
        else
        {
            var product = signed ? (ulong)(Operand.Signed(a, size) * Operand.Signed(b, size)) : a * b;
            low = Operand.Cut(product, size);
            high = Operand.Cut(product >> (8 * size), size);
        }
        if (size == 1)
        {
            Operand.SetRegister(s, 0, low | (high << 8), 2);
        }
        else
        {
            Operand.SetRegister(s, 0, low, size);
            Operand.SetRegister(s, 16, high, size);
        }
        var lost = signed ? high != Operand.Cut((ulong)(Operand.Signed(low, size) >> 63), size) : high != 0;
        Flags.SetProduct(s, low, 64 - (8 * size), lost);
        return true;
    }

    public static bool DivideUnsigned(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = Operand.Size(record, 0);
        if (!Operand.TryRead(s, op, record, 0, out var divisor))
            return false;
        Dividend(s, size, out var high, out var low);
        if (high >= divisor)
            return Core.Fault(s, op, ExceptionVector.DivideError);
        ulong quotient, remainder;
        if (high == 0)
        {
            (quotient, remainder) = Math.DivRem(low, divisor);
        }
        else if (size == 8)
        {
            var wide = new UInt128(high, low);
            quotient = (ulong)(wide / divisor);
            remainder = low - (quotient * divisor);
        }
        else
        {
            (quotient, remainder) = Math.DivRem((high << (8 * size)) | low, divisor);
        }
        Quotient(s, size, quotient, remainder);
        return true;
    }

    public static bool DivideSigned(CpuState* s, Op* op, GeneralRecord* record)
    {
        var size = Operand.Size(record, 0);
        if (!Operand.TryRead(s, op, record, 0, out var value))
            return false;
        var divisor = (Int128)Operand.Signed(value, size);
        if (divisor == 0)
            return Core.Fault(s, op, ExceptionVector.DivideError);
        Dividend(s, size, out var high, out var low);
        var dividend = size == 8 ? new Int128(high, low) : (Int128)Operand.Signed((high << (8 * size)) | low, 2 * size);
        if (size < 8 || (high == 0 && (long)low >= 0) || (high == ulong.MaxValue && (long)low < 0 && divisor != -1))
        {
            // Of all that fit here, the most negative 64-bit number by -1 alone has no quotient of 64 bits.
            if (dividend == long.MinValue && divisor == -1)
                return Core.Fault(s, op, ExceptionVector.DivideError);
            long quotient = (long)dividend / (long)divisor;
            if (Operand.Signed((ulong)quotient, size) != quotient)
                return Core.Fault(s, op, ExceptionVector.DivideError);
            Quotient(s, size, (ulong)quotient, (ulong)((long)dividend % (long)divisor));
            return true;
        }
        // The most negative 128-bit number by -1 has no quotient of any size.
        if (dividend == Int128.MinValue && divisor == -1)
            return Core.Fault(s, op, ExceptionVector.DivideError);
        var wide = dividend / divisor;
        if (wide < long.MinValue || wide > long.MaxValue)
            return Core.Fault(s, op, ExceptionVector.DivideError);
        Quotient(s, size, (ulong)(long)wide, (ulong)(long)(dividend % divisor));
        return true;
    }

    private static void Dividend(CpuState* s, int size, out ulong high, out ulong low)
    {
        low = Operand.Cut(Core.Reg(s, 0), size);
        high = size == 1 ? (byte)(Core.Reg(s, 0) >> 8) : Operand.Cut(Core.Reg(s, 2), size);
    }

    private static void Quotient(CpuState* s, int size, ulong quotient, ulong remainder)
    {
        if (size == 1)
        {
            Operand.SetRegister(s, 0, (byte)quotient | ((remainder & 0xff) << 8), 2);
            return;
        }
        Operand.SetRegister(s, 0, Operand.Cut(quotient, size), size);
        Operand.SetRegister(s, 16, Operand.Cut(remainder, size), size);
    }
}
