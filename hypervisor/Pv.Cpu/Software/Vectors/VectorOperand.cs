using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Vector operands for the general layer.</summary>
// SAFETY: see Xmm; memory is reached through GuestMemory.
internal static unsafe class VectorOperand
{
    public static Vector128<byte>* Register(CpuState* s, Register register) => Xmm.At(s, (byte)(16 * (register - Iced.Intel.Register.XMM0)));

    /// <summary>Reads a register or 16 bytes of memory. False after a fault.</summary>
    public static bool TryRead(CpuState* s, Op* op, GeneralRecord* record, int number, bool aligned, out Vector128<byte> value)
    {
        value = default;
        if (!Operand.IsMemory(record, number))
        {
            value = *Register(s, record->Instruction.GetOpRegister(number));
            return true;
        }
        var address = Operand.Address(s, op, record);
        if (aligned && !Xmm.IsAligned(s, op, address))
            return false;
        var bytes = GuestMemory.Read(s, op, address, 16);
        if (bytes == null)
            return false;
        value = Vector128.Load(bytes);
        return true;
    }
}
