using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Moves and bitwise logic of XMM registers, and the control of x87 and SSE. Arithmetic of either is not here.</summary>
// SAFETY: XMM registers lie in the guest's FXSAVE image, which is pinned while the vCPU runs; memory is reached through GuestMemory.
internal static unsafe class VectorInstructions
{
    private const int XmmOffset = 160, MxcsrOffset = 24;
    private const uint MxcsrMask = 0xffff;

    private static Vector128<ulong>* Xmm(CpuState* s, Register register)
        => (Vector128<ulong>*)((byte*)&s->Guest->Fx + XmmOffset + (16 * (register - Register.XMM0)));

    private static bool IsAvailable(CpuState* s, Op* op) => !s->Guest->TaskSwitched || Core.Fault(s, op, ExceptionVector.DeviceNotAvailable);

    private static bool TryLoad(CpuState* s, Op* op, GeneralRecord* record, int number, int size, bool aligned, out Vector128<ulong> value)
    {
        value = default;
        if (record->Instruction.GetOpKind(number) == OpKind.Register)
        {
            var register = record->Instruction.GetOpRegister(number);
            value = Registers.IsGeneral(register) ? Vector128.CreateScalar(Operand.Register(s, register)) : *Xmm(s, register);
            return true;
        }
        var address = Operand.Address(s, op, record);
        if (aligned && (address & 15) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        var bytes = GuestMemory.Read(s, op, address, size);
        if (bytes == null)
            return false;
        value = size switch
        {
            4 => Vector128.CreateScalar((ulong)*(uint*)bytes),
            8 => Vector128.CreateScalar(*(ulong*)bytes),
            _ => Unsafe.ReadUnaligned<Vector128<ulong>>(bytes),
        };
        return true;
    }

    private static bool TryStore(CpuState* s, Op* op, GeneralRecord* record, int size, bool aligned, Vector128<ulong> value)
    {
        var address = Operand.Address(s, op, record);
        if (aligned && (address & 15) != 0)
            return Core.Fault(s, op, ExceptionVector.GeneralProtection);
        return GuestMemory.Write(s, op, address, &value, size);
    }

    public static bool MoveAligned(CpuState* s, Op* op, GeneralRecord* record) => MoveWhole(s, op, record, aligned: true);

    public static bool MoveUnaligned(CpuState* s, Op* op, GeneralRecord* record) => MoveWhole(s, op, record, aligned: false);

    private static bool MoveWhole(CpuState* s, Op* op, GeneralRecord* record, bool aligned)
    {
        if (!IsAvailable(s, op) || !TryLoad(s, op, record, 1, 16, aligned, out var value))
            return false;
        if (Operand.IsMemory(record, 0))
            return TryStore(s, op, record, 16, aligned, value);
        *Xmm(s, record->Instruction.Op0Register) = value;
        return true;
    }

    /// <summary><c>movd</c>, <c>movq</c>: the rest of an XMM destination is cleared.</summary>
    public static bool MoveScalar(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!IsAvailable(s, op))
            return false;
        var size = record->Instruction.Mnemonic == Mnemonic.Movd ? 4 : 8;
        if (!TryLoad(s, op, record, 1, size, aligned: false, out var value))
            return false;
        if (Operand.IsMemory(record, 0))
            return TryStore(s, op, record, size, aligned: false, value);
        var low = Operand.Cut(value.ToScalar(), size);
        var target = record->Instruction.Op0Register;
        if (Registers.IsGeneral(target))
            Operand.SetRegister(s, target, low);
        else
            *Xmm(s, target) = Vector128.CreateScalar(low);
        return true;
    }

    /// <summary><c>movss</c>, <c>movsd</c>: from memory the rest is cleared, between registers it stays.</summary>
    public static bool MoveFloat(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!IsAvailable(s, op))
            return false;
        var size = record->Instruction.Mnemonic == Mnemonic.Movss ? 4 : 8;
        if (!TryLoad(s, op, record, 1, size, aligned: false, out var value))
            return false;
        if (Operand.IsMemory(record, 0))
            return TryStore(s, op, record, size, aligned: false, value);
        var target = Xmm(s, record->Instruction.Op0Register);
        if (Operand.IsMemory(record, 1))
            *target = value;
        else if (size == 4)
            *(uint*)target = (uint)value.ToScalar();
        else
            *(ulong*)target = value.ToScalar();
        return true;
    }

    /// <summary><c>movlps</c>, <c>movhps</c> and their kin: one half of a register.</summary>
    public static bool MoveHalf(CpuState* s, Op* op, GeneralRecord* record)
    {
        if (!IsAvailable(s, op))
            return false;
        var high = record->Instruction.Mnemonic is Mnemonic.Movhps or Mnemonic.Movhpd or Mnemonic.Movlhps;
        if (Operand.IsMemory(record, 0))
        {
            var source = (ulong*)Xmm(s, record->Instruction.Op1Register);
            return Operand.TryStore(s, op, Operand.Address(s, op, record), source[high ? 1 : 0], 8);
        }
        ulong value;
        if (Operand.IsMemory(record, 1))
        {
            if (!Operand.TryLoad(s, op, Operand.Address(s, op, record), 8, out value))
                return false;
        }
        else
        {
            value = ((ulong*)Xmm(s, record->Instruction.Op1Register))[high ? 0 : 1];
        }
        ((ulong*)Xmm(s, record->Instruction.Op0Register))[high ? 1 : 0] = value;
        return true;
    }

    public static bool Xor(CpuState* s, Op* op, GeneralRecord* record) => Logic(s, op, record, 0);

    public static bool Or(CpuState* s, Op* op, GeneralRecord* record) => Logic(s, op, record, 1);

    public static bool And(CpuState* s, Op* op, GeneralRecord* record) => Logic(s, op, record, 2);

    public static bool AndNot(CpuState* s, Op* op, GeneralRecord* record) => Logic(s, op, record, 3);

    private static bool Logic(CpuState* s, Op* op, GeneralRecord* record, int kind)
    {
        if (!IsAvailable(s, op) || !TryLoad(s, op, record, 1, 16, aligned: true, out var b))
            return false;
        var target = Xmm(s, record->Instruction.Op0Register);
        *target = kind switch
        {
            0 => *target ^ b,
            1 => *target | b,
            2 => *target & b,
            _ => ~*target & b,
        };
        return true;
    }

    /// <summary><c>fxsave</c>: the 416 bytes that are defined.</summary>
    public static bool Save(CpuState* s, Op* op, GeneralRecord* record)
    {
        const int saved = 416;
        if (!IsAvailable(s, op) || !TryArea(s, op, record, out var address))
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
        if (!IsAvailable(s, op) || !TryArea(s, op, record, out var address))
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
        if (!IsAvailable(s, op))
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
