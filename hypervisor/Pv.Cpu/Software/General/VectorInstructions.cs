using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>The control of x87 and SSE.</summary>
// SAFETY: XMM registers lie in the guest's FXSAVE image, which is pinned while the vCPU runs; memory is reached through GuestMemory.
internal static unsafe class VectorInstructions
{
    private const int MxcsrOffset = 24;
    private const uint MxcsrMask = 0xffff;

    /// <summary><c>fxsave</c>: the 416 bytes that are defined.</summary>
    public static bool Save(CpuState* s, Op* op, GeneralRecord* record)
    {
        const int saved = 416;
        if (!Xmm.IsAvailable(s, op) || !TryArea(s, op, record, out var address))
            return false;
        if (!GuestMemory.CanWrite(s, op, address, saved))
            return false;
        *(uint*)((byte*)&s->Guest->Fx + MxcsrOffset + 4) = MxcsrMask;
        for (var at = 0; at < saved; at += 16)
            GuestMemory.Write(s, op, address + (ulong)at, (byte*)&s->Guest->Fx + at, 16);
        return true;
    }

    public static bool Restore(CpuState* s, Op* op, GeneralRecord* record)
    {
        const int restored = 416;
        if (!Xmm.IsAvailable(s, op) || !TryArea(s, op, record, out var address))
            return false;
        var image = stackalloc byte[restored];
        for (var at = 0; at < restored; at += 16)
        {
            var bytes = GuestMemory.Read(s, op, address + (ulong)at, 16);
            if (bytes == null)
                return false;
            new Span<byte>(bytes, 16).CopyTo(new Span<byte>(image + at, 16));
        }
        if ((*(uint*)(image + MxcsrOffset) & ~MxcsrMask) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        new Span<byte>(image, restored).CopyTo(new Span<byte>(&s->Guest->Fx, restored));
        return true;
    }

    private static bool TryArea(CpuState* s, Op* op, GeneralRecord* record, out ulong address)
    {
        address = Operand.Address(s, op, record);
        return (address & 15) == 0 || Core.Fault(s, op, ExceptionVector.GeneralProtection);
    }

    /// <summary><c>ldmxcsr</c>, <c>stmxcsr</c>, <c>fldcw</c>, <c>fnstcw</c>, <c>fnstsw</c>, <c>fninit</c>, <c>fnclex</c>, <c>fwait</c>, <c>emms</c>.</summary>
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
            case Mnemonic.Stmxcsr:
                return Operand.TryWrite(s, op, record, 0, *(uint*)(image + MxcsrOffset));
            case Mnemonic.Fldcw:
                if (!Operand.TryRead(s, op, record, 0, out value))
                    return false;
                // Bit 6 always reads as one.
                *(ushort*)image = (ushort)((value & 0x1f7f) | 0x40);
                return true;
            case Mnemonic.Fnstcw:
                return Operand.TryWrite(s, op, record, 0, *(ushort*)image);
            case Mnemonic.Fnstsw:
                return Operand.TryWrite(s, op, record, 0, *(ushort*)(image + 2));
            case Mnemonic.Fninit:
                *(ushort*)image = 0x37f;
                *(ushort*)(image + 2) = 0;
                image[4] = 0;
                *(ushort*)(image + 6) = 0;
                *(ulong*)(image + 8) = 0;
                *(ulong*)(image + 16) = 0;
                return true;
            case Mnemonic.Fnclex:
                *(ushort*)(image + 2) &= 0x7f00;
                return true;
            case Mnemonic.Emms:
                image[4] = 0;
                return true;
            default:
                return true;
        }
    }
}
