using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Operands of any kind and size, for the general layer. Values are zero-extended to 64 bits.</summary>
// SAFETY: register offsets come from Iced's register numbers; memory is reached through GuestMemory.
internal static unsafe class Operand
{
    /// <summary>The linear address of the memory operand.</summary>
    public static ulong Address(CpuState* s, Op* op, GeneralRecord* record) => EffectiveAddress(s, op, record) + s->SegmentBases[op->Segment & 3];

    /// <summary>The address of the memory operand within its segment.</summary>
    public static ulong EffectiveAddress(CpuState* s, Op* op, GeneralRecord* record)
    {
        var address = Core.Get<ulong>(s, op->Base) + (Core.Get<ulong>(s, op->Index) << (op->Scale & 3)) + (ulong)record->Displacement;
        return (op->Scale & Op.Address32) != 0 ? (uint)address : address;
    }

    public static bool IsMemory(GeneralRecord* record, int number) => record->Instruction.GetOpKind(number) == OpKind.Memory;

    /// <summary>The bytes of an operand.</summary>
    public static int Size(GeneralRecord* record, int number)
    {
        switch (record->Instruction.GetOpKind(number))
        {
            case OpKind.Register:
                var register = record->Instruction.GetOpRegister(number);
                return Registers.IsGeneral(register) ? Registers.SizeOf(register) : register.GetSize();
            case OpKind.Memory:
                return record->Instruction.MemorySize.GetSize();
            case OpKind.Immediate8:
                return 1;
            case OpKind.Immediate16 or OpKind.Immediate8to16:
                return 2;
            case OpKind.Immediate32 or OpKind.Immediate8to32:
                return 4;
            default:
                return 8;
        }
    }

    public static ulong Cut(ulong value, int size) => size == 8 ? value : value & ((1ul << (8 * size)) - 1);

    /// <summary>The value as a signed number of its size.</summary>
    public static long Signed(ulong value, int size) => (long)(value << (64 - (8 * size))) >> (64 - (8 * size));

    public static ulong Register(CpuState* s, Register register)
    {
        var offset = Registers.OffsetOf(register);
        return Registers.SizeOf(register) switch
        {
            1 => Core.Get<byte>(s, offset),
            2 => Core.Get<ushort>(s, offset),
            4 => Core.Get<uint>(s, offset),
            _ => Core.Get<ulong>(s, offset),
        };
    }

    public static void SetRegister(CpuState* s, Register register, ulong value)
        => SetRegister(s, Registers.OffsetOf(register), value, Registers.SizeOf(register));

    public static void SetRegister(CpuState* s, byte offset, ulong value, int size)
    {
        switch (size)
        {
            case 1:
                Core.Set(s, offset, (byte)value);
                break;
            case 2:
                Core.Set(s, offset, (ushort)value);
                break;
            case 4:
                Core.Set(s, offset, (uint)value);
                break;
            default:
                Core.Set(s, offset, value);
                break;
        }
    }

    /// <summary>Reads memory. False after a fault.</summary>
    public static bool TryLoad(CpuState* s, Op* op, ulong address, int size, out ulong value)
    {
        value = 0;
        var bytes = SoftTlb.TryRead(s, address, size);
        if (bytes == null)
            bytes = GuestMemory.Read(s, op, address, size);
        if (bytes == null)
            return false;
        value = size switch
        {
            1 => *bytes,
            2 => *(ushort*)bytes,
            4 => *(uint*)bytes,
            _ => *(ulong*)bytes,
        };
        return true;
    }

    /// <summary>Writes memory. False after a fault.</summary>
    public static bool TryStore(CpuState* s, Op* op, ulong address, ulong value, int size)
    {
        var bytes = SoftTlb.TryWrite(s, address, size);
        if (bytes == null)
            return GuestMemory.Write(s, op, address, &value, size);
        switch (size)
        {
            case 1:
                *bytes = (byte)value;
                break;
            case 2:
                *(ushort*)bytes = (ushort)value;
                break;
            case 4:
                *(uint*)bytes = (uint)value;
                break;
            default:
                *(ulong*)bytes = value;
                break;
        }
        return true;
    }

    /// <summary>Reads an operand. False after a fault.</summary>
    public static bool TryRead(CpuState* s, Op* op, GeneralRecord* record, int number, out ulong value)
    {
        switch (record->Instruction.GetOpKind(number))
        {
            case OpKind.Register:
                value = Register(s, record->Instruction.GetOpRegister(number));
                return true;
            case OpKind.Memory:
                return TryLoad(s, op, Address(s, op, record), Size(record, number), out value);
            default:
                value = record->Instruction.GetImmediate(number);
                return true;
        }
    }

    /// <summary>Writes an operand. False after a fault.</summary>
    public static bool TryWrite(CpuState* s, Op* op, GeneralRecord* record, int number, ulong value)
    {
        if (record->Instruction.GetOpKind(number) == OpKind.Memory)
            return TryStore(s, op, Address(s, op, record), value, Size(record, number));
        SetRegister(s, record->Instruction.GetOpRegister(number), value);
        return true;
    }

    /// <summary>
    /// Replaces the first operand by what <paramref name="change"/> makes of it and <paramref name="other"/>: atomically for other vCPUs when
    /// the instruction is locked. False after a fault. <paramref name="old"/> is what was there.
    /// </summary>
    /// <remarks>
    /// A locked operand that crosses a page is serialised against other such operands only: its two host addresses are not neighbours.
    /// <paramref name="change"/> may be called again; flags are put back before that.
    /// </remarks>
    public static bool TryUpdate(CpuState* s, Op* op, GeneralRecord* record, delegate*<CpuState*, ulong, ulong, int, ulong> change, ulong other, out ulong old, bool locked = false)
    {
        var size = Size(record, 0);
        if (record->Instruction.Op0Kind == OpKind.Register)
        {
            old = Register(s, record->Instruction.Op0Register);
            SetRegister(s, record->Instruction.Op0Register, change(s, old, other, size));
            return true;
        }
        return TryUpdate(s, op, Address(s, op, record), size, change, other, out old, locked || record->Instruction.HasLockPrefix);
    }

    /// <summary>The same for memory at an address.</summary>
    public static bool TryUpdate(CpuState* s, Op* op, ulong address, int size, delegate*<CpuState*, ulong, ulong, int, ulong> change, ulong other, out ulong old, bool locked)
    {
        old = 0;
        var bytes = SoftTlb.TryWrite(s, address, size);
        if (bytes == null)
            bytes = GuestMemory.BeginUpdate(s, op, address, size);
        if (bytes == null)
            return false;
        if (locked && bytes != (byte*)s->Bounce)
            old = Atomically(s, bytes, size, change, other);
        else if (locked)
            lock (s_crossing)
            {
                // Again, since the copy was made outside of the lock; it cannot fault now.
                GuestMemory.BeginUpdate(s, op, address, size);
                old = Plainly(s, bytes, size, change, other);
                GuestMemory.CommitUpdate(s, op, address, bytes, size);
                return true;
            }
        else
            old = Plainly(s, bytes, size, change, other);
        if (SoftTlb.TryWrite(s, address, size) == null)
            GuestMemory.CommitUpdate(s, op, address, bytes, size);
        return true;
    }

    private static readonly object s_crossing = new();

    private static ulong Plainly(CpuState* s, byte* bytes, int size, delegate*<CpuState*, ulong, ulong, int, ulong> change, ulong other)
    {
        ulong old;
        switch (size)
        {
            case 1:
                old = *bytes;
                *bytes = (byte)change(s, old, other, size);
                break;
            case 2:
                old = *(ushort*)bytes;
                *(ushort*)bytes = (ushort)change(s, old, other, size);
                break;
            case 4:
                old = *(uint*)bytes;
                *(uint*)bytes = (uint)change(s, old, other, size);
                break;
            default:
                old = *(ulong*)bytes;
                *(ulong*)bytes = change(s, old, other, size);
                break;
        }
        return old;
    }

    private static ulong Atomically(CpuState* s, byte* bytes, int size, delegate*<CpuState*, ulong, ulong, int, ulong> change, ulong other)
    {
        ulong flagA = s->FlagA, flagB = s->FlagB;
        var flagKind = s->FlagKind;
        while (true)
        {
            ulong old, seen;
            switch (size)
            {
                case 1:
                    old = Volatile.Read(ref *bytes);
                    seen = Interlocked.CompareExchange(ref *bytes, (byte)change(s, old, other, size), (byte)old);
                    break;
                case 2:
                    old = Volatile.Read(ref *(ushort*)bytes);
                    seen = Interlocked.CompareExchange(ref *(ushort*)bytes, (ushort)change(s, old, other, size), (ushort)old);
                    break;
                case 4:
                    old = Volatile.Read(ref *(uint*)bytes);
                    seen = Interlocked.CompareExchange(ref *(uint*)bytes, (uint)change(s, old, other, size), (uint)old);
                    break;
                default:
                    old = Volatile.Read(ref *(ulong*)bytes);
                    seen = Interlocked.CompareExchange(ref *(ulong*)bytes, change(s, old, other, size), old);
                    break;
            }
            if (seen == old)
                return old;
            s->FlagA = flagA;
            s->FlagB = flagB;
            s->FlagKind = flagKind;
        }
    }
}
