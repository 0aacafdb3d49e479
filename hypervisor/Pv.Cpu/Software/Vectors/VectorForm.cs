using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>Where the operands of a vector instruction are.</summary>
internal enum VectorPlaces : byte
{
    None,
    RegReg,
    RegMem,
    MemReg,
    RegImm,
    RegGeneral,
    GeneralReg,
}

/// <summary>The form of a vector instruction: places, bytes of the memory operand or general register, kind of address.</summary>
internal readonly record struct VectorForm(VectorPlaces Places, int Bytes, AddressForm Address)
{
    /// <summary>Finds the form and puts the operands into the operation.</summary>
    // SAFETY: writes the Op that it is given.
    public static unsafe VectorForm Describe(Op* op, in Instruction instruction)
    {
        var last = instruction.OpCount - 1;
        if (instruction.GetOpKind(last) == OpKind.Immediate8)
            op->Imm = instruction.Immediate8;
        if (instruction.Op0Kind == OpKind.Memory)
        {
            op->Src = Place(instruction.Op1Register);
            op->Disp = MemoryOperand.Describe(instruction, op, out var address);
            return new VectorForm(VectorPlaces.MemReg, instruction.MemorySize.GetSize(), address);
        }
        if (instruction.Op0Kind != OpKind.Register)
            return default;
        op->Dst = Place(instruction.Op0Register);
        switch (instruction.Op1Kind)
        {
            case OpKind.Memory:
                op->Disp = MemoryOperand.Describe(instruction, op, out var address);
                return new VectorForm(VectorPlaces.RegMem, instruction.MemorySize.GetSize(), address);
            case OpKind.Immediate8:
                return new VectorForm(VectorPlaces.RegImm, 0, default);
            case OpKind.Register:
                op->Src = Place(instruction.Op1Register);
                return Registers.IsGeneral(instruction.Op0Register) ? new VectorForm(VectorPlaces.GeneralReg, Registers.SizeOf(instruction.Op0Register), default)
                    : Registers.IsGeneral(instruction.Op1Register) ? new VectorForm(VectorPlaces.RegGeneral, Registers.SizeOf(instruction.Op1Register), default)
                    : new VectorForm(VectorPlaces.RegReg, 16, default);
            default:
                return default;
        }
    }

    /// <summary>Whether an instruction works on XMM registers, general registers and memory, and is of an SSE set.</summary>
    public static bool IsSse(in Instruction instruction)
    {
        if (instruction.OpCount < 2 || instruction.Encoding != EncodingKind.Legacy)
            return false;
        // A number from memory to a general register: no vector is to be seen.
        var found = instruction.Mnemonic is Mnemonic.Cvtss2si or Mnemonic.Cvtsd2si or Mnemonic.Cvttss2si or Mnemonic.Cvttsd2si;
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register)
                continue;
            var register = instruction.GetOpRegister(i);
            if (register.IsMM())
                return false;
            found |= register.IsXMM();
        }
        return found;
    }

    private static byte Place(Register register) => register.IsXMM() ? (byte)(16 * (register - Register.XMM0)) : Registers.OffsetOf(register);
}
