using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// The flags that the manuals leave undefined (Intel SDM volume 2, AMD APM volume 3), by instruction and, for shifts, by count.
/// Only these are left out of the comparison.
/// </summary>
internal static class UndefinedFlags
{
    private const ulong Cf = 1, Pf = 4, Af = 0x10, Zf = 0x40, Sf = 0x80, Of = 0x800;

    public static ulong For(Row row)
    {
        var instruction = row.Form.First;
        return instruction.Mnemonic switch
        {
            Mnemonic.Mul or Mnemonic.Imul => Sf | Zf | Af | Pf,
            Mnemonic.Div or Mnemonic.Idiv => Cf | Of | Sf | Zf | Af | Pf,
            Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test => Af,
            Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr => OfShift(Count(row)) | (Count(row) >= Bits(row) ? Cf : 0),
            Mnemonic.Sar => OfShift(Count(row)),
            Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr => Count(row) > 1 ? Of : 0,
            Mnemonic.Shld or Mnemonic.Shrd => Count(row) > Bits(row) ? Cf | Of | Sf | Zf | Af | Pf : OfShift(Count(row)),
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
        Mnemonic.Shld or Mnemonic.Shrd => Count(row) > Bits(row),
        Mnemonic.Bswap => Bits(row) == 16,
        _ => false,
    };

    private static ulong OfShift(int count) => count switch
    {
        0 => 0,
        1 => Af,
        _ => Af | Of,
    };

    private static int Bits(Row row)
    {
        var instruction = row.Form.First;
        return 8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());
    }

    /// <summary>A shift's count as the processor masks it.</summary>
    private static int Count(Row row)
    {
        var instruction = row.Form.First;
        var last = instruction.OpCount - 1;
        var count = instruction.GetOpKind(last) == OpKind.Register ? (byte)row.General[1] : (byte)instruction.GetImmediate(last);
        return count & (Bits(row) == 64 ? 63 : 31);
    }
}
