using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>What random registers would seldom give: quotients that fit, comparisons that hold, selectors and addresses that exist.</summary>
internal static class InstructionInputs
{
    private const int Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7;

    /// <summary>Selectors whose descriptors every Linux has alike (<see cref="LinuxDescriptors"/>), and such that no table has.</summary>
    private static readonly ushort[] Selectors =
        [0, 1, 2, 3, 0x08, 0x10, 0x13, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x29, 0x2b, 0x30, 0x33, 0x63, 0x6b, 0x80, 0x83, 0x103, 0xfff8, 0xffff, 7, 0x2f];

    /// <summary>Registers that the instruction implies; before the memory operand is placed.</summary>
    public static void SetRegisters(Row row, Random random)
    {
        var instruction = row.Form.First;
        if (instruction.IsStringInstruction)
            SetString(row, instruction, random);
        else if (instruction.Mnemonic is Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64 && random.Next(4) != 0)
            (row.General[Rax], row.General[Rdx]) = (TextLength(random), TextLength(random));
        else if (instruction.Mnemonic == Mnemonic.Maskmovdqu)
            SetMasked(row, instruction, random);
        else if (instruction.Mnemonic is Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne or Mnemonic.Jrcxz or Mnemonic.Jecxz)
            row.General[Rcx] = (ulong)random.Next(3) + (random.Next(2) == 0 ? 0 : (ulong)random.Next() << 32);
        else if (instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Leave && random.Next(8) != 0)
            row.General[Rbp] = random.Next(4) == 0 ? TargetAddress.Pick(random, 8) : Arena.Stack + (ulong)(random.Next(0x200, 0xe00) & -8);
        else if (IsBitTest(instruction.Mnemonic) && instruction.Op1Kind == OpKind.Register)
            row.General[Number(instruction.Op1Register)] = (ulong)(random.Next(3) == 0 ? random.Next(-30000, 30000) : random.Next(-70, 140));
        else if (instruction.OpCount > 1 && instruction.GetOpRegister(instruction.OpCount - 1) == Register.CL)
            row.General[Rcx] = OperandValues.Pick(random) & ~0xfful | (byte)(random.Next(2) == 0 ? random.Next(256) : random.Next(10));
        else if (instruction.Mnemonic is Mnemonic.Rol or Mnemonic.Shlx or Mnemonic.Shrx or Mnemonic.Sarx or Mnemonic.Bextr or Mnemonic.Bzhi)
            row.General[Number(instruction.GetOpRegister(instruction.OpCount - 1))] = (ulong)random.Next(0x4848);
        if (instruction.Op0Kind == OpKind.Register && instruction.IsIndirectBranch())
            row.General[Number(instruction.Op0Register)] = BranchTarget(random);
        for (var i = 0; i < instruction.OpCount; i++)
            if (TakesSelector(instruction) && instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).IsGPR())
                row.General[Number(instruction.GetOpRegister(i))] = Selector(random) | (ulong)random.Next() << 16;
    }

    /// <summary>What memory should hold and what registers follow from it; after the memory operand was placed.</summary>
    public static void SetMemory(Row row, Random random)
    {
        var instruction = row.Form.First;
        var target = MemoryOperand.Exists(instruction) ? new MemoryOperand(instruction).Address(row) : 0;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Div or Mnemonic.Idiv:
                SetDividend(row, instruction, target, random);
                break;
            case Mnemonic.Cmpxchg when random.Next(2) == 0 && target != 0:
                row.WriteMemory(target, row.General[Rax], instruction.MemorySize.GetSize());
                break;
            case Mnemonic.Cmpxchg when random.Next(2) == 0:
                row.General[Rax] = row.General[Number(instruction.Op0Register)];
                break;
            case Mnemonic.Cmpxchg8b when random.Next(2) == 0:
                row.WriteMemory(target, (uint)row.General[Rax] | row.General[Rdx] << 32, 8);
                break;
            case Mnemonic.Cmpxchg16b when random.Next(2) == 0:
                row.WriteMemory(target, row.General[Rax], 8);
                row.WriteMemory(target + 8, row.General[Rdx], 8);
                break;
            case Mnemonic.Popf or Mnemonic.Popfq:
                row.WriteMemory(row.General[Rsp], (ulong)random.NextInt64(1L << 22), 8);
                break;
            case Mnemonic.Ldmxcsr:
                // Bits 16 and up are reserved but one, which only some processors have.
                row.WriteMemory(target, (uint)random.Next(0x10000) | (random.Next(4) == 0 ? 1u << random.Next(20, 32) : 0u), 4);
                break;
            case Mnemonic.Ret:
                row.WriteMemory(row.General[Rsp], BranchTarget(random), 8);
                break;
            case Mnemonic.Pop when instruction.Op0Register.IsSegmentRegister():
                row.WriteMemory(row.General[Rsp], Selector(random), 8);
                break;
            case Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss:
                row.WriteMemory(target + (ulong)instruction.MemorySize.GetSize() - 2, Selector(random), 2);
                break;
            case Mnemonic.Jmp or Mnemonic.Call when target != 0:
                row.WriteMemory(target, BranchTarget(random), 8);
                break;
            default:
                if (target != 0 && TakesSelector(instruction))
                    row.WriteMemory(target, Selector(random), 2);
                break;
        }
    }

    private static void SetString(Row row, Instruction instruction, Random random)
    {
        var bytes = Math.Max(1, instruction.MemorySize.GetSize());
        row.General[Rsi] = StringAddress(random, bytes);
        row.General[Rdi] = random.Next(3) != 0 ? StringAddress(random, bytes) : row.General[Rsi] + (ulong)random.Next(-24, 24);
        row.General[Rcx] = random.Next(8) switch
        {
            < 4 => (ulong)random.Next(6),
            4 => (ulong)random.Next(100),
            5 => (ulong)random.Next(5000),
            6 => OperandValues.Pick(random),
            _ => (ulong)random.Next(20),
        };
        if (instruction.SegmentPrefix is Register.FS or Register.GS)
            row.FsBase = row.GsBase = (ulong)random.Next(16);
        if (instruction.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq
            or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq && random.Next(3) != 0)
        {
            // Equal runs around both places, so that repetition has a while to go.
            var run = random.Next(64);
            row.General[Rax] = 0x7777_7777_7777_7777;
            for (var i = -run; i < run; i++)
            {
                row.WriteMemory(row.General[Rsi] + (ulong)i, 0x77, 1);
                row.WriteMemory(row.General[Rdi] + (ulong)i, 0x77, 1);
            }
        }
        for (var register = Rcx; register <= Rdi; register++)
            if (register is Rcx or Rsi or Rdi && UsesShortAddresses(instruction) && random.Next(2) == 0)
                row.General[register] = (uint)row.General[register] | (ulong)random.Next() << 32;
    }

    private static ulong TextLength(Random random) => (ulong)random.Next(-18, 19) ^ (random.Next(3) == 0 ? (ulong)random.Next() << 32 : 0);

    private static void SetMasked(Row row, Instruction instruction, Random random)
    {
        row.General[Rdi] = instruction.Op0Kind == OpKind.MemorySegEDI ? TargetAddress.PickLow(random, 16) : TargetAddress.Pick(random, 16);
        if (instruction.SegmentPrefix is Register.FS or Register.GS)
            row.FsBase = row.GsBase = (ulong)random.Next(16);
        // Whether an address that nothing is written to counts is each processor's own affair (SDM, MASKMOVDQU).
        VectorForms.RegisterOf(row.Vectors!, instruction.Op2Register)[random.Next(16)] |= 0x80;
    }

    private static ulong StringAddress(Random random, int bytes)
    {
        var steps = (ulong)(random.Next(40) * bytes + (random.Next(4) == 0 ? random.Next(bytes) : 0));
        return random.Next(10) switch
        {
            0 => Arena.ReadOnly - steps,
            1 => Arena.Unmapped - steps,
            2 => Arena.Data + steps,
            3 => Arena.Data + Arena.PageBytes - steps,
            4 => TargetAddress.Pick(random, bytes),
            5 => Arena.High + (ulong)random.Next(Arena.PageBytes),
            _ => Arena.Data + (ulong)(random.Next(0x200, 0x1e00) & -8),
        };
    }

    /// <summary>A dividend whose quotient mostly fits, for the divisor that the operand holds.</summary>
    private static void SetDividend(Row row, Instruction instruction, ulong target, Random random)
    {
        if (random.Next(4) == 0)
            return;
        var register = instruction.Op0Kind == OpKind.Register;
        var bytes = register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize();
        if (register ? Number(instruction.Op0Register) is Rax or Rdx : new MemoryOperand(instruction) is var operand && (operand.Uses(Rax) || operand.Uses(Rdx)))
            return;
        var bits = bytes * 8;
        var divisor = register ? RegisterValue(row, instruction.Op0Register) : row.ReadMemory(target, bytes);
        var quotient = OperandValues.Pick(random);
        var signed = instruction.Mnemonic == Mnemonic.Idiv;
        var product = signed
            ? (UInt128)((Int128)SignExtend(divisor, bits) * (SignExtend(quotient, bits) >> random.Next(3)))
            : (UInt128)divisor * (quotient & ulong.MaxValue >> 64 - bits);
        product += (UInt128)random.Next(3);
        if (bytes == 1)
            row.General[Rax] = row.General[Rax] & ~0xfffful | (ushort)product;
        else
        {
            row.General[Rax] = Merge(row.General[Rax], (ulong)product, bits);
            row.General[Rdx] = Merge(row.General[Rdx], (ulong)(product >> bits), bits);
        }
    }

    private static ulong RegisterValue(Row row, Register register)
    {
        var value = row.General[Number(register)] >> (register is >= Register.AH and <= Register.BH ? 8 : 0);
        return value & ulong.MaxValue >> 64 - register.GetSize() * 8;
    }

    private static long SignExtend(ulong value, int bits) => (long)(value << 64 - bits) >> 64 - bits;

    private static ulong Merge(ulong old, ulong value, int bits)
        => bits == 64 ? value : old & ulong.MaxValue << bits | value & ulong.MaxValue >> 64 - bits;

    private static ulong BranchTarget(Random random) => random.Next(6) switch
    {
        0 => Arena.Data + 8,
        1 => Arena.Code - 8,
        2 => random.Next(2) == 0 ? Arena.LowerEnd + (ulong)random.Next(1 << 20) : Arena.UpperStart,
        _ => Arena.Code + (ulong)random.Next(0x7e0),
    };

    private static ulong Selector(Random random) => Selectors[random.Next(Selectors.Length)];

    private static bool TakesSelector(Instruction instruction)
        => instruction.Mnemonic is Mnemonic.Verr or Mnemonic.Verw or Mnemonic.Lar or Mnemonic.Lsl
            || instruction.Mnemonic == Mnemonic.Mov && instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister();

    private static bool IsBitTest(Mnemonic mnemonic) => mnemonic is Mnemonic.Bt or Mnemonic.Btc or Mnemonic.Btr or Mnemonic.Bts;

    private static bool UsesShortAddresses(Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) is OpKind.MemorySegESI or OpKind.MemorySegEDI or OpKind.MemoryESEDI)
                return true;
        return false;
    }

    private static bool IsIndirectBranch(this Instruction instruction) => instruction.IsJmpNearIndirect || instruction.IsCallNearIndirect;

    private static int Number(Register register)
        => register.GetFullRegister().GetNumber();
}
