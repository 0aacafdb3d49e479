using System.Numerics;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary><c>pcmpistri</c>, <c>pcmpistrm</c>, <c>pcmpestri</c>, <c>pcmpestrm</c>.</summary>
// SAFETY: see VectorOperand and CpuState.
internal static unsafe class TextInstructions
{
    private const int Rax = 0, Rcx = 1, Rdx = 2;

    /// <summary>An index into rcx.</summary>
    public static bool Index(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!TryFind(s, op, record, out var found, out var control, out var count))
            return false;
        Core.Reg(s, Rcx) = found == 0 ? (ulong)count
            : (control & 0x40) != 0 ? (ulong)BitOperations.Log2(found)
            : (ulong)BitOperations.TrailingZeroCount(found);
        return true;
    }

    /// <summary>A mask into xmm0: bits, or whole elements.</summary>
    public static bool Mask(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!TryFind(s, op, record, out var found, out var control, out var count))
            return false;
        *Xmm.At(s, 0) = (control & 0x40) == 0 ? Vector128.CreateScalar(found).AsByte()
            : count == 8 ? Words(found)
            : Bytes(found);
        return true;
    }

    private static bool TryFind(CpuState* s, Op* op, GeneralRecord* record, out uint found, out byte control, out int count)
    {
        ref readonly var instruction = ref record->Instruction;
        control = instruction.Immediate8;
        (found, count) = (0, 0);
        if (!Xmm.IsAvailable(s, op) || !VectorOperand.TryRead(s, op, record, 1, aligned: false, out var second))
            return false;
        var first = *VectorOperand.Register(s, instruction.Op0Register);
        var comparison = new TextComparison(first, second, control);
        count = comparison.Count;
        int firstLength, secondLength;
        if (instruction.Mnemonic is Mnemonic.Pcmpistri or Mnemonic.Pcmpistrm)
        {
            firstLength = comparison.LengthOf(first);
            secondLength = comparison.LengthOf(second);
        }
        else
        {
            var wide = instruction.Mnemonic is Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64;
            firstLength = Length(Core.Reg(s, Rax), wide, count);
            secondLength = Length(Core.Reg(s, Rdx), wide, count);
        }
        found = comparison.Find(firstLength, secondLength);
        Flags.SetExplicit(s, (found != 0 ? Flags.Carry : 0) | ((found & 1) != 0 ? Flags.Overflow : 0)
            | (secondLength < count ? Flags.Zero : 0) | (firstLength < count ? Flags.Sign : 0));
        return true;
    }

    /// <summary>A length in a general register: its magnitude, as far as a register reaches.</summary>
    private static int Length(ulong register, bool wide, int count)
    {
        var value = wide ? (long)register : (int)register;
        var magnitude = value < 0 ? 0 - (ulong)value : (ulong)value;
        return (int)Math.Min(magnitude, (ulong)count);
    }

    private static Vector128<byte> Bytes(uint found)
    {
        var bits = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        var spread = Vector128.Create(Vector64.Create((byte)found), Vector64.Create((byte)(found >> 8)));
        return Vector128.Equals(spread & bits, bits);
    }

    private static Vector128<byte> Words(uint found)
    {
        var bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.Equals(Vector128.Create((ushort)found) & bits, bits).AsByte();
    }
}
