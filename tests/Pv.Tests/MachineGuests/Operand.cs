using Iced.Intel;

namespace Pv.Tests.MachineGuests;

/// <summary>A 64-bit value of a guest's code: a constant, a register, the content of a variable, the address of a label or the frame of a page.</summary>
internal readonly struct Operand
{
    private enum Source
    {
        Constant, Register, Variable, Label, Mfn, Address,
    }

    private readonly Source _source;
    private readonly ulong _value;
    private readonly ulong _plus;
    private readonly AssemblerRegister64 _register;
    private readonly Label _label;

    private Operand(Source source, ulong value, ulong plus = 0, AssemblerRegister64 register = default, Label label = default)
    {
        _source = source;
        _value = value;
        _plus = plus;
        _register = register;
        _label = label;
    }

    public static implicit operator Operand(ulong value) => new(Source.Constant, value);

    public static implicit operator Operand(long value) => new(Source.Constant, (ulong)value);

    public static implicit operator Operand(uint value) => new(Source.Constant, value);

    public static implicit operator Operand(int value) => new(Source.Constant, (ulong)(long)value);

    public static implicit operator Operand(AssemblerRegister64 register) => new(Source.Register, 0, 0, register);

    public static implicit operator Operand(Label label) => new(Source.Label, 0, 0, default, label);

    /// <summary>The eight bytes at <paramref name="address"/>.</summary>
    public static Operand At(ulong address) => new(Source.Variable, address);

    /// <summary>The machine frame number of the page at <paramref name="address"/> in the linear mapping.</summary>
    public static Operand Mfn(ulong address) => new(Source.Mfn, address);

    /// <summary>The machine address of the page at <paramref name="address"/>, plus <paramref name="plus"/>: a page-table entry, with its flags.</summary>
    public static Operand Entry(ulong address, ulong plus) => new(Source.Address, address, plus);

    /// <summary>Loads the value; changes no flags but with <see cref="Mfn"/> and <see cref="Entry"/>, no other register ever.</summary>
    public void Load(Assembler a, AssemblerRegister64 target)
    {
        switch (_source)
        {
            case Source.Constant:
                a.mov(target, _value);
                break;
            case Source.Register:
                if (_register != target)
                    a.mov(target, _register);
                break;
            case Source.Variable:
                a.mov(target, AssemblerRegisters.__qword_ptr[_value]);
                break;
            case Source.Label:
                a.lea(target, AssemblerRegisters.__[_label]);
                break;
            default:
                a.mov(target, AssemblerRegisters.__qword_ptr[GuestVariables.P2m]);
                a.mov(target, AssemblerRegisters.__qword_ptr[target + (int)((_value - GuestLayout.Base) >> 12) * 8]);
                if (_source == Source.Address)
                    LoadEntry(a, target);
                break;
        }
    }

    private void LoadEntry(Assembler a, AssemblerRegister64 target)
    {
        a.shl(target, 12);
        // A high bit (NX, bit 52) does not fit an immediate: set bit by bit.
        if (_plus <= int.MaxValue)
        {
            a.or(target, (int)_plus);
            return;
        }

        a.or(target, (int)(_plus & 0xfff));
        for (var bit = 12; bit < 64; bit++)
        {
            if ((_plus >> bit & 1) != 0)
                a.bts(target, (sbyte)bit);
        }
    }
}
