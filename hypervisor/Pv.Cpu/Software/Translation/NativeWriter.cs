namespace Pv.Cpu.Software;

/// <summary>Where an operand lies: base, index and displacement; a base or index of -1 is none.</summary>
internal readonly record struct NativeOperand(int Base, int Displacement = 0, int Index = -1, int Scale = 0);

/// <summary>Writes the few shapes of x64 instructions that translated code is made of beside the guest's own.</summary>
// SAFETY: whoever makes one has checked the room behind At.
internal unsafe ref struct NativeWriter(byte* at)
{
    public byte* At = at;

    public void Byte(int value) => *At++ = (byte)value;

    public void Int(int value)
    {
        *(int*)At = value;
        At += 4;
    }

    public void Long(ulong value)
    {
        *(ulong*)At = value;
        At += 8;
    }

    public void Load(int register, NativeOperand from) => Access(0x8b, register, from, wide: true);

    public void Load32(int register, NativeOperand from) => Access(0x8b, register, from, wide: false);

    public void Store(NativeOperand to, int register) => Access(0x89, register, to, wide: true);

    public void Lea(int register, NativeOperand operand) => Access(0x8d, register, operand, wide: true);

    public void Lea32(int register, NativeOperand operand) => Access(0x8d, register, operand, wide: false);

    public void LoadFrame(int register, int place) => Load(register, new NativeOperand(NativeFrame.Rsp, place));

    public void StoreFrame(int place, int register) => Store(new NativeOperand(NativeFrame.Rsp, place), register);

    /// <summary><c>mov qword [m], simm32</c>.</summary>
    public void StoreConstant(NativeOperand to, int value)
    {
        Access(0xc7, 0, to, wide: true);
        Int(value);
    }

    public void Move(int to, int from)
    {
        Byte(0x48 | (from >> 3 << 2) | (to >> 3));
        Byte(0x89);
        Byte(0xc0 | ((from & 7) << 3) | (to & 7));
    }

    public void Move32(int to, int from)
    {
        Byte(0x40 | (from >> 3 << 2) | (to >> 3));
        Byte(0x89);
        Byte(0xc0 | ((from & 7) << 3) | (to & 7));
    }

    public void MoveConstant(int to, ulong value)
    {
        if (value <= uint.MaxValue)
        {
            if (to > 7)
                Byte(0x41);
            Byte(0xb8 | (to & 7));
            Int((int)(uint)value);
        }
        else if ((long)value == (int)value)
        {
            Byte(0x48 | (to >> 3));
            Byte(0xc7);
            Byte(0xc0 | (to & 7));
            Int((int)value);
        }
        else
            MoveWide(to, value);
    }

    /// <summary><c>mov r64, imm64</c>; the constant is the last eight bytes.</summary>
    public void MoveWide(int to, ulong value)
    {
        Byte(0x48 | (to >> 3));
        Byte(0xb8 | (to & 7));
        Long(value);
    }

    /// <summary><c>rorx to, from, count</c>.</summary>
    public void RotateRight(int to, int from, int count)
    {
        Byte(0xc4);
        Byte((to > 7 ? 0 : 0x80) | 0x40 | (from > 7 ? 0 : 0x20) | 3);
        Byte(0xfb);
        Byte(0xf0);
        Byte(0xc0 | ((to & 7) << 3) | (from & 7));
        Byte(count);
    }

    /// <summary><c>shrx to, from, count</c>.</summary>
    public void ShiftRight(int to, int from, int count)
    {
        Byte(0xc4);
        Byte((to > 7 ? 0 : 0x80) | 0x40 | (from > 7 ? 0 : 0x20) | 2);
        Byte(0x80 | ((~count & 15) << 3) | 3);
        Byte(0xf7);
        Byte(0xc0 | ((to & 7) << 3) | (from & 7));
    }

    /// <summary><c>not r64</c>, which leaves the flags alone.</summary>
    public void Not(int register)
    {
        Byte(0x48 | (register >> 3));
        Byte(0xf7);
        Byte(0xd0 | (register & 7));
    }

    /// <summary><c>movzx r32, r16</c>.</summary>
    public void ZeroExtend16(int to, int from)
    {
        Byte(0x40 | (to >> 3 << 2) | (from >> 3));
        Byte(0x0f);
        Byte(0xb7);
        Byte(0xc0 | ((to & 7) << 3) | (from & 7));
    }

    /// <summary>Goes on behind the next jump when rcx is 0, else there. Returns the jump's place.</summary>
    public byte* JumpUnlessZero()
    {
        Byte(0xe3);
        Byte(5);
        return Jump();
    }

    /// <summary>
    /// Goes to a place that is not known yet when rcx is 0: <c>jrcxz</c> over a short jump. Returns what <see cref="Land"/> wants.
    /// </summary>
    public byte* JumpIfZero()
    {
        Byte(0xe3);
        Byte(2);
        Byte(0xeb);
        Byte(5);
        return Jump();
    }

    /// <summary>Leads such a jump here.</summary>
    public readonly void Land(byte* place) => SetJump(place, At);

    /// <summary><c>jmp rel32</c> whose target is not known yet. Returns its place.</summary>
    public byte* Jump()
    {
        var place = At;
        Byte(0xe9);
        Int(0);
        return place;
    }

    public void JumpTo(byte* target) => SetJump(Jump(), target);

    /// <summary><c>jmp [m]</c>.</summary>
    public void JumpThrough(NativeOperand operand) => Access(0xff, 4, operand, wide: false);

    /// <summary>Sets the target of a <c>jmp rel32</c>.</summary>
    public static void SetJump(byte* place, byte* target) => *(int*)(place + 1) = (int)(target - (place + 5));

    /// <summary><c>movups xmm, [m]</c>.</summary>
    public void LoadVector(int register, NativeOperand from) => VectorAccess(0x10, register, from);

    /// <summary><c>movups [m], xmm</c>.</summary>
    public void StoreVector(NativeOperand to, int register) => VectorAccess(0x11, register, to);

    /// <summary><c>ldmxcsr</c>.</summary>
    public void LoadControl(NativeOperand from) => VectorAccess(0xae, 2, from);

    /// <summary><c>stmxcsr</c>.</summary>
    public void StoreControl(NativeOperand to) => VectorAccess(0xae, 3, to);

    private void VectorAccess(int opcode, int register, NativeOperand operand)
    {
        var rex = 0x40 | (register >> 3 << 2) | (operand.Base > 7 ? 1 : 0);
        Byte(rex);
        Byte(0x0f);
        Modes(opcode, register, operand);
    }

    /// <summary><c>shlx r32, r32, r32</c>.</summary>
    public void ShiftLeft32(int to, int from, int count)
    {
        Byte(0xc4);
        Byte((to > 7 ? 0 : 0x80) | 0x40 | (from > 7 ? 0 : 0x20) | 2);
        Byte(((~count & 15) << 3) | 1);
        Byte(0xf7);
        Byte(0xc0 | ((to & 7) << 3) | (from & 7));
    }

    public void Push(int register)
    {
        if (register > 7)
            Byte(0x41);
        Byte(0x50 | (register & 7));
    }

    public void Pop(int register)
    {
        if (register > 7)
            Byte(0x41);
        Byte(0x58 | (register & 7));
    }

    /// <summary><c>lock cmpxchg16b [m]</c>.</summary>
    public void LockedWideExchange(NativeOperand operand)
    {
        Byte(0xf0);
        Byte(0x48 | (operand.Index > 7 ? 2 : 0) | (operand.Base > 7 ? 1 : 0));
        Byte(0x0f);
        Modes(0xc7, 1, operand);
    }

    /// <summary>An instruction of one opcode byte with a register and a memory operand.</summary>
    public void Access(int opcode, int register, NativeOperand operand, bool wide)
    {
        var rex = (wide ? 0x48 : 0x40) | (register >> 3 << 2) | (operand.Index > 7 ? 2 : 0) | (operand.Base > 7 ? 1 : 0);
        if (rex != 0x40)
            Byte(rex);
        Modes(opcode, register, operand);
    }

    private void Modes(int opcode, int register, NativeOperand operand)
    {
        Byte(opcode);
        var reg = (register & 7) << 3;
        if (operand.Base < 0)
        {
            Byte(reg | 4);
            Byte((operand.Scale << 6) | ((operand.Index < 0 ? 4 : operand.Index & 7) << 3) | 5);
            Int(operand.Displacement);
            return;
        }
        var mode = operand.Displacement == 0 && (operand.Base & 7) != 5 ? 0 : operand.Displacement == (sbyte)operand.Displacement ? 0x40 : 0x80;
        if (operand.Index >= 0 || (operand.Base & 7) == 4)
        {
            Byte(mode | reg | 4);
            Byte((operand.Scale << 6) | ((operand.Index < 0 ? 4 : operand.Index & 7) << 3) | (operand.Base & 7));
        }
        else
            Byte(mode | reg | (operand.Base & 7));
        if (mode == 0x40)
            Byte(operand.Displacement);
        else if (mode == 0x80)
            Int(operand.Displacement);
    }
}
