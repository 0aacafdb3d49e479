using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// The flags that the manuals leave undefined (Intel SDM volume 2, AMD APM volume 3), by instruction and, for shifts, by count.
/// Only these are left out of the comparison.
/// </summary>
internal static class UndefinedFlags
{
    private const ulong Cf = 1, Pf = 4, Af = 0x10, Zf = 0x40, Sf = 0x80, Of = 0x800;

    public static ulong For(Row row) => For(row.Form.First, (byte)row.General[1]);

    /// <summary>Those that some count in CL leaves undefined.</summary>
    public static ulong Possible(Instruction instruction)
    {
        ulong flags = 0;
        for (byte count = 0; count < 64; count++)
            flags |= For(instruction, count);
        return flags;
    }

    private static ulong For(Instruction instruction, byte cl)
    {
        var count = Count(instruction, cl);
        return instruction.Mnemonic switch
        {
            Mnemonic.Mul or Mnemonic.Imul => Sf | Zf | Af | Pf,
            Mnemonic.Div or Mnemonic.Idiv => Cf | Of | Sf | Zf | Af | Pf,
            Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test => Af,
            Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr => OfShift(count) | (count >= Bits(instruction) ? Cf : 0),
            Mnemonic.Sar => OfShift(count),
            Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr => count > 1 ? Of : 0,
            Mnemonic.Shld or Mnemonic.Shrd => count > Bits(instruction) ? Cf | Of | Sf | Zf | Af | Pf : OfShift(count),
            Mnemonic.Bsf or Mnemonic.Bsr => Cf | Of | Sf | Af | Pf,
            Mnemonic.Bt or Mnemonic.Btc or Mnemonic.Btr or Mnemonic.Bts => Of | Sf | Af | Pf,
            Mnemonic.Lzcnt or Mnemonic.Tzcnt => Of | Sf | Af | Pf,
            Mnemonic.Bextr => Sf | Af | Pf,
            Mnemonic.Andn or Mnemonic.Blsi or Mnemonic.Blsr or Mnemonic.Blsmsk or Mnemonic.Bzhi => Af | Pf,
            _ => 0,
        };
    }

    /// <summary>
    /// Whether the manuals leave the destination undefined. (A bit scan of zero is not among them: every processor leaves the destination
    /// as it is, and kernels rely on it.)
    /// </summary>
    public static bool Destination(Row row) => row.Form.First.Mnemonic switch
    {
        Mnemonic.Shld or Mnemonic.Shrd => Count(row.Form.First, (byte)row.General[1]) > Bits(row.Form.First),
        Mnemonic.Bswap => Bits(row.Form.First) == 16,
        _ => false,
    };

    private static ulong OfShift(int count) => count switch
    {
        0 => 0,
        1 => Af,
        _ => Af | Of,
    };

    private static int Bits(Instruction instruction)
        => 8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());

    /// <summary>A shift's count as the processor masks it; 0 for what is no shift.</summary>
    private static int Count(Instruction instruction, byte cl)
    {
        var last = instruction.OpCount - 1;
        if (last < 1)
            return 0;
        var count = instruction.GetOpKind(last) switch
        {
            OpKind.Register => cl,
            OpKind.Immediate8 => instruction.Immediate8,
            _ => 0,
        };
        return count & (Bits(instruction) == 64 ? 63 : 31);
    }
}
