using System.Buffers.Binary;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>The instructions on MMX registers, which are those of x87.</summary>
internal static class MmxForms
{
    private const int Rdi = 7;
    private const int StatusWord = 2, FirstRegister = 32, Stride = 16;

    private static readonly HashSet<CpuidFeature> Sets = [CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSSE3];

    public static bool Contains(Instruction instruction)
        => instruction.Mnemonic == Mnemonic.Emms
            || instruction.CpuidFeatures.Any(Sets.Contains) && instruction.Code.ToOpCode() is { Encoding: EncodingKind.Legacy } opcode && UsesMmx(opcode);

    /// <summary>The bytes of the floating-point numbers that an instruction works on; 0 for those of integers.</summary>
    public static int FloatBytes(Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Cvtpi2ps or Mnemonic.Cvtps2pi or Mnemonic.Cvttps2pi => 4,
        Mnemonic.Cvtpi2pd or Mnemonic.Cvtpd2pi or Mnemonic.Cvttpd2pi => 8,
        _ => 0,
    };

    /// <summary>Vectors of all sorts in most of the registers, behind what x87 left of them.</summary>
    public static void FillImage(Row row, Random random)
    {
        Span<byte> value = stackalloc byte[16];
        for (var i = 0; i < 8; i++)
        {
            if (random.Next(4) == 0)
                continue;
            VectorValues.Fill(random, 0, VectorForms.Registers(row.Vectors!), value);
            value[..8].CopyTo(row.Vectors.AsSpan(FirstRegister + i * Stride));
        }
        if (row.Form.First.Mnemonic != Mnemonic.Maskmovq)
            return;
        row.General[Rdi] = row.Form.First.Op0Kind == OpKind.MemorySegEDI ? TargetAddress.PickLow(random, 8) : TargetAddress.Pick(random, 8);
        // Whether an address that nothing is written to counts is each processor's own affair (SDM, MASKMOVQ).
        var top = BinaryPrimitives.ReadUInt16LittleEndian(row.Vectors.AsSpan(StatusWord)) >> 11;
        var mask = FirstRegister + (row.Form.First.Op2Register - Register.MM0 - top & 7) * Stride;
        row.Vectors![mask + random.Next(8)] |= 0x80;
    }

    private static bool UsesMmx(OpCodeInfo opcode)
    {
        for (var i = 0; i < opcode.OpCount; i++)
            if (opcode.GetOpKind(i) is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_rm)
                return true;
        return false;
    }
}
