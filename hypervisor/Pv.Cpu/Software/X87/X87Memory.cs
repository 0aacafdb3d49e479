using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Memory operands of x87 instructions.</summary>
// SAFETY: memory is reached through Operand and GuestMemory.
internal static unsafe class X87Memory
{
    /// <summary>Reads a number of any of the formats but BCD. False after a fault.</summary>
    public static bool TryLoad(CpuState* s, Op* op, GeneralRecord* record, in FloatStatus status, out Unpacked value)
    {
        value = default;
        var kind = record->Instruction.MemorySize;
        if (kind == MemorySize.Float80)
        {
            if (!TryLoad80(s, op, record, out var extended))
                return false;
            value = extended.Unpack();
            return true;
        }
        if (!Operand.TryLoad(s, op, Operand.Address(s, op, record), kind.GetSize(), out var bits))
            return false;
        value = kind switch
        {
            MemorySize.Float32 => Unpacked.Of<Binary32>(status, bits),
            MemorySize.Float64 => Unpacked.Of<Binary64>(status, bits),
            _ => Unpacked.OfInteger(Operand.Signed(bits, kind.GetSize())),
        };
        return true;
    }

    public static bool TryLoad80(CpuState* s, Op* op, GeneralRecord* record, out Float80 value)
    {
        value = default;
        var bytes = GuestMemory.Read(s, op, Operand.Address(s, op, record), Float80.Bytes);
        if (bytes == null)
            return false;
        value = *(Float80*)bytes;
        return true;
    }

    public static bool TryStore80(CpuState* s, Op* op, GeneralRecord* record, Float80 value)
        => GuestMemory.Write(s, op, Operand.Address(s, op, record), &value, Float80.Bytes);
}
