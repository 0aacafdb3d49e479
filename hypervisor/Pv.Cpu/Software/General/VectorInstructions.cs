using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The control of SSE.</summary>
// SAFETY: XMM registers lie in the guest's FXSAVE image, which is pinned while the vCPU runs; memory is reached through GuestMemory.
internal static unsafe class VectorInstructions
{
    private const int MxcsrOffset = 24;
    private const uint MxcsrMask = 0xffff;

    /// <summary><c>ldmxcsr</c>, <c>stmxcsr</c>.</summary>
    public static bool Control(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!Xmm.IsAvailable(s, op))
            return false;
        var image = (byte*)&s->Guest->Fx;
        ulong value;
        switch (record->Instruction.Mnemonic)
        {
            case Mnemonic.Ldmxcsr:
                if (!Operand.TryRead(s, op, record, 0, out value))
                    return false;
                if ((value & ~(ulong)MxcsrMask) != 0)
                    return Core.Fault(s, op, ExceptionVector.GeneralProtection);
                *(uint*)(image + MxcsrOffset) = (uint)value;
                return true;
            default:
                return Operand.TryWrite(s, op, record, 0, *(uint*)(image + MxcsrOffset));
        }
    }
}
