using Iced.Intel;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Traps;

/// <summary>
/// One instruction that writes memory, taken apart for emulation: where it writes, what it makes of the value that stands there, and what
/// it does to registers and flags once the write is done. Covers what kernels use on page-table entries.
/// </summary>
internal struct EmulatedStore
{
    private readonly Vcpu _vcpu;
    private readonly Instruction _instruction;
    private ulong _operand;
    private StoreFlags _flags;
    private bool _matched;

    private EmulatedStore(Vcpu vcpu, Instruction instruction, ulong address, int size)
    {
        _vcpu = vcpu;
        _instruction = instruction;
        Address = address;
        Size = size;
    }

    /// <summary>The linear address of the bytes that the instruction writes.</summary>
    public ulong Address { get; }

    /// <summary>How many they are: 1, 2, 4 or 8.</summary>
    public int Size { get; }

    private readonly int Bits => Size * 8;

    private readonly ulong Mask => ulong.MaxValue >> (64 - Bits);

    /// <summary>False when the instruction at rip writes no memory in a way that is emulated.</summary>
    public static bool TryDecode(Vcpu vcpu, out EmulatedStore store)
    {
        store = default;
        if (!PrivilegedInstructions.TryDecode(vcpu, vcpu.Registers.Rip, out var instruction) || instruction.Op0Kind == OpKind.Register)
            return false;
        var size = instruction.MemorySize.GetSize();
        if (size is not (1 or 2 or 4 or 8))
            return false;
        var vcpuOfRegisters = vcpu;
        if (!instruction.TryGetVirtualAddress(0, 0, out var address, (Register register, int _, int _, out ulong value) =>
            {
                value = register switch
                {
                    Register.FS => vcpuOfRegisters.Registers.FsBase,
                    Register.GS => vcpuOfRegisters.Registers.GsBase,
                    _ => register.IsGPR() ? Read(vcpuOfRegisters, register) : 0,
                };
                return true;
            }))
            return false;
        if (instruction.Mnemonic is Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc && instruction.Op1Kind == OpKind.Register)
            address += (ulong)((long)Read(vcpu, instruction.Op1Register) >> 6) * sizeof(ulong);
        store = new EmulatedStore(vcpu, instruction, address, size);
        return store.TryFetchOperand();
    }

    /// <summary>What is to be written over <paramref name="old"/>. False for an instruction that is not emulated.</summary>
    public bool TryCompute(ulong old, out ulong wanted)
    {
        old &= Mask;
        _flags = default;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Mov or Mnemonic.Xchg or Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq
                or Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq:
                wanted = _operand;
                break;
            case Mnemonic.And:
                _flags = StoreFlags.OfLogic(wanted = old & _operand, Bits);
                break;
            case Mnemonic.Or:
                _flags = StoreFlags.OfLogic(wanted = old | _operand, Bits);
                break;
            case Mnemonic.Xor:
                _flags = StoreFlags.OfLogic(wanted = old ^ _operand, Bits);
                break;
            case Mnemonic.Add or Mnemonic.Xadd:
                _flags = StoreFlags.OfAdd(old, _operand, wanted = old + _operand & Mask, Bits);
                break;
            case Mnemonic.Sub:
                _flags = StoreFlags.OfSubtract(old, _operand, wanted = old - _operand & Mask, Bits);
                break;
            case Mnemonic.Adc:
                var carry = StoreFlags.IsCarrySet(_vcpu.Registers.Rflags);
                _flags = StoreFlags.OfAdd(old, _operand, wanted = old + _operand + (carry ? 1ul : 0) & Mask, Bits, carry);
                break;
            case Mnemonic.Sbb:
                var borrow = StoreFlags.IsCarrySet(_vcpu.Registers.Rflags);
                _flags = StoreFlags.OfSubtract(old, _operand, wanted = old - _operand - (borrow ? 1ul : 0) & Mask, Bits, borrow);
                break;
            case Mnemonic.Inc:
                _flags = StoreFlags.OfAdd(old, 1, wanted = old + 1 & Mask, Bits).WithoutCarry();
                break;
            case Mnemonic.Dec:
                _flags = StoreFlags.OfSubtract(old, 1, wanted = old - 1 & Mask, Bits).WithoutCarry();
                break;
            case Mnemonic.Neg:
                _flags = StoreFlags.OfSubtract(0, old, wanted = 0 - old & Mask, Bits);
                break;
            case Mnemonic.Not:
                wanted = ~old & Mask;
                break;
            case Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
                wanted = ChangeBit(old);
                break;
            case Mnemonic.Cmpxchg:
                var expected = _vcpu.Registers.Rax & Mask;
                _flags = StoreFlags.OfSubtract(expected, old, expected - old & Mask, Bits);
                _matched = expected == old;
                wanted = _matched ? _operand : old;
                break;
            default:
                wanted = 0;
                return false;
        }
        return true;
    }

    /// <summary>The write is done: registers, flags and rip follow.</summary>
    public readonly void Complete(ulong old)
    {
        ref var registers = ref _vcpu.Registers;
        registers.Rflags = _flags.Apply(registers.Rflags);
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Xchg or Mnemonic.Xadd:
                Write(_instruction.Op1Register, old);
                break;
            case Mnemonic.Cmpxchg when !_matched:
                Write(Size switch { 1 => Register.AL, 2 => Register.AX, 4 => Register.EAX, _ => Register.RAX }, old);
                break;
            case Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq:
            case Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq:
                if (Step(ref registers))
                    return;
                break;
        }
        registers.Rip += (ulong)_instruction.Length;
        registers.Rflags &= ~GuestFlags.Resume;
    }

    private static ulong Read(Vcpu vcpu, Register register)
    {
        var value = vcpu.Registers.General[register.GetFullRegister() - Register.RAX];
        if (register is Register.AH or Register.BH or Register.CH or Register.DH)
            return value >> 8 & 0xff;
        return value & ulong.MaxValue >> (64 - register.GetSize() * 8);
    }

    private readonly void Write(Register register, ulong value)
    {
        ref var full = ref _vcpu.Registers.General[register.GetFullRegister() - Register.RAX];
        if (register is Register.AH or Register.BH or Register.CH or Register.DH)
            full = full & ~0xff00ul | value << 8;
        else
            full = Size >= 4 ? value : full & ~Mask | value;
    }

    /// <summary>The value that the instruction brings along. False when it cannot be had.</summary>
    private bool TryFetchOperand()
    {
        ref var registers = ref _vcpu.Registers;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq:
                _operand = registers.Rax & Mask;
                return true;
            case Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq:
                Span<byte> source = stackalloc byte[sizeof(ulong)];
                source.Clear();
                if (!GuestAccess.OfCaller(_vcpu).TryRead(registers.Rsi, source[..Size]))
                    return false;
                _operand = BitConverter.ToUInt64(source);
                return true;
            case Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not:
                return true;
            default:
                // What stands there may be another instruction by now than the one that trapped, such as one that compares two places in memory.
                if (_instruction.OpCount != 2 || !(_instruction.Op1Kind == OpKind.Register ? _instruction.Op1Register.IsGPR() : IsImmediate(_instruction.Op1Kind)))
                    return false;
                _operand = (_instruction.Op1Kind == OpKind.Register ? Read(_vcpu, _instruction.Op1Register) : _instruction.GetImmediate(1)) & Mask;
                return true;
        }
    }

    private static bool IsImmediate(OpKind kind) => kind is >= OpKind.Immediate8 and <= OpKind.Immediate32to64;

    private ulong ChangeBit(ulong old)
    {
        var bit = 1ul << ((int)_operand & (Bits - 1));
        _flags = StoreFlags.OfCarry((old & bit) != 0);
        return _instruction.Mnemonic switch
        {
            Mnemonic.Bts => old | bit,
            Mnemonic.Btr => old & ~bit,
            _ => old ^ bit,
        };
    }

    /// <summary>Moves the pointers of a string instruction. True when it is repeated and goes on.</summary>
    private readonly bool Step(ref GuestRegisters registers)
    {
        const ulong direction = 1 << 10;
        var step = (registers.Rflags & direction) == 0 ? (ulong)Size : (ulong)-Size;
        registers.Rdi += step;
        if (_instruction.Mnemonic is Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq)
            registers.Rsi += step;
        return _instruction.HasRepPrefix && --registers.Rcx != 0;
    }
}
