using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>fld</c>, <c>fild</c>, <c>fbld</c> and the constants.</summary>
// SAFETY: see X87Instruction.
internal static unsafe class X87Loads
{
    private const int ExtraBits = 2;

    public static bool Load(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        Float80 value;
        if (record->Instruction.Op0Kind == OpKind.Register)
        {
            var source = record->Instruction.Op0Register - Register.ST0;
            if (!x.IsFull(source))
                return Push(ref x, Float80.Indefinite);
            value = x.Unit[source];
        }
        else if (record->Instruction.MemorySize == MemorySize.Float80)
        {
            // The registers' own format is not looked at.
            if (!X87Memory.TryLoad80(s, op, record, out value))
                return false;
        }
        else
        {
            if (!X87Memory.TryLoad(s, op, record, x.Float, out var number))
                return false;
            if (!x.HasRoom())
                return Push(ref x, Float80.Indefinite);
            if (number.IsNan)
                value = X87Operations.Nan(ref x.Float, number, number);
            else
            {
                X87Operations.NotesDenormals(ref x.Float, number, number);
                value = Float80.Of(number);
            }
            return Push(ref x, value);
        }
        return Push(ref x, x.HasRoom() ? value : Float80.Indefinite);
    }

    /// <summary>Eighteen decimal digits and a sign. Digits above 9 count as what their bits say.</summary>
    public static bool LoadDecimal(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x) || !X87Memory.TryLoad80(s, op, record, out var digits))
            return false;
        var magnitude = (ulong)(digits.SignAndExponent >> 4 & 15);
        magnitude = (magnitude * 10) + (ulong)(digits.SignAndExponent & 15);
        for (var shift = 60; shift >= 0; shift -= 4)
            magnitude = (magnitude * 10) + (digits.Significand >> shift & 15);
        return Push(ref x, x.HasRoom() ? Float80.Of(Unpacked.OfMagnitude(digits.Negative, magnitude)) : Float80.Indefinite);
    }

    public static bool Constant(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!X87Instruction.TryBegin(s, op, record, out var x))
            return false;
        var value = record->Instruction.Mnemonic switch
        {
            Mnemonic.Fldz => Float80.Zero(negative: false),
            Mnemonic.Fld1 => Rounded(x.Float.Rounding, 0x8000_0000_0000_0000, 0, 0),
            // The first 64 bits of each, and what follows them: these, too, obey the rounding mode.
            Mnemonic.Fldl2t => Rounded(x.Float.Rounding, 0xd49a_784b_cd1b_8afe, 1, 1),
            Mnemonic.Fldl2e => Rounded(x.Float.Rounding, 0xb8aa_3b29_5c17_f0bb, 0, 3),
            Mnemonic.Fldpi => Rounded(x.Float.Rounding, 0xc90f_daa2_2168_c234, 1, 3),
            Mnemonic.Fldlg2 => Rounded(x.Float.Rounding, 0x9a20_9a84_fbcf_f798, -2, 3),
            _ => Rounded(x.Float.Rounding, 0xb172_17f7_d1cf_79ab, -1, 3),
        };
        return Push(ref x, x.HasRoom() ? value : Float80.Indefinite);
    }

    private static Float80 Rounded(RoundingMode mode, ulong significand, int exponent, ulong following)
    {
        var kept = Rounding.Keep(significand, following << (64 - ExtraBits), Float80.Precision, mode, negative: false, out _, out _);
        return new Float80(kept, (ushort)(exponent + Float80.MaxExponent));
    }

    private static bool Push(ref X87Instruction x, Float80 value)
    {
        // A denormal is loaded even if the exception that it raises is unmasked.
        if ((x.Float.Raised & x.Float.Unmasked & FloatExceptions.Invalid) == 0)
            x.Unit.Push(value);
        return x.Complete();
    }
}
