using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Where Iced's registers lie in <see cref="CpuState"/>.</summary>
internal static class Registers
{
    /// <summary>The byte offset of a general register of any size.</summary>
    public static byte OffsetOf(Register register) => register switch
    {
        >= Register.RAX and <= Register.R15 => (byte)((register - Register.RAX) * 8),
        >= Register.EAX and <= Register.R15D => (byte)((register - Register.EAX) * 8),
        >= Register.AX and <= Register.R15W => (byte)((register - Register.AX) * 8),
        >= Register.AL and <= Register.BL => (byte)((register - Register.AL) * 8),
        >= Register.AH and <= Register.BH => (byte)(((register - Register.AH) * 8) + 1),
        >= Register.SPL and <= Register.R15L => (byte)((register - Register.SPL + 4) * 8),
        _ => CpuState.ZeroOffset,
    };

    /// <summary>The general register of a number and a size; of one byte, the lowest.</summary>
    public static Register Of(int number, int size) => size switch
    {
        8 => Register.RAX + number,
        4 => Register.EAX + number,
        2 => Register.AX + number,
        _ => number < 4 ? Register.AL + number : Register.SPL + (number - 4),
    };

    public static bool IsGeneral(Register register) => register is >= Register.AL and <= Register.R15;

    public static int SizeOf(Register register) => register switch
    {
        >= Register.RAX and <= Register.R15 => 8,
        >= Register.EAX and <= Register.R15D => 4,
        >= Register.AX and <= Register.R15W => 2,
        >= Register.AL and <= Register.R15L => 1,
        _ => 0,
    };
}

/// <summary>How much an address calculation has to do.</summary>
internal enum AddressForm : byte
{
    Base,
    Indexed,
    Any,
}

/// <summary>Memory operands, from Iced's view to <see cref="Op"/>'s.</summary>
// SAFETY: writes the Op that it is given.
internal static unsafe class MemoryOperand
{
    /// <summary>Fills in the address of the memory operand; the displacement is returned, for it may have to live elsewhere.</summary>
    public static long Describe(in Instruction instruction, Op* op, out AddressForm form)
    {
        long displacement;
        bool narrow;
        Register index = instruction.MemoryIndex;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            op->Base = CpuState.ZeroOffset;
            displacement = (long)instruction.IPRelativeMemoryAddress;
            narrow = instruction.MemoryBase == Register.EIP;
        }
        else
        {
            var origin = instruction.MemoryBase;
            op->Base = Registers.OffsetOf(origin);
            displacement = (long)instruction.MemoryDisplacement64;
            narrow = origin is >= Register.EAX and <= Register.R15D
                || index is >= Register.EAX and <= Register.R15D
                || (origin == Register.None && index == Register.None && instruction.MemoryDisplSize == 4);
        }
        op->Index = Registers.OffsetOf(index);
        op->Scale = (byte)System.Numerics.BitOperations.Log2((uint)instruction.MemoryIndexScale);
        op->Segment = SegmentIndex(instruction.SegmentPrefix);
        form = narrow || op->Segment != 0 ? AddressForm.Any
            : op->Index == CpuState.ZeroOffset ? AddressForm.Base
            : AddressForm.Indexed;
        if (narrow)
            op->Scale |= Op.Address32;
        if (instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP && op->Segment == 0)
            op->Segment |= Op.StackSegment;
        return displacement;
    }

    public static byte SegmentIndex(Register segment) => segment switch
    {
        Register.FS => 1,
        Register.GS => 2,
        _ => 0,
    };
}
