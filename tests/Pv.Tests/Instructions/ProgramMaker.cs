using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>
/// Random programs: a loop whose body is a dozen instructions with jumps forward among them. They test what single instructions cannot:
/// flags that are dropped because nobody looks, comparisons fused with jumps, blocks that are linked, faults in the middle of a block.
/// </summary>
/// <remarks>r15 counts the rounds and rsp is the stack's; nothing else writes them.</remarks>
internal sealed class ProgramMaker
{
    private const int Start = 0x400;

    /// <summary>Each of the six arithmetic flags, as Iced names them and as they stand in rflags.</summary>
    private static readonly (RflagsBits Name, ulong Bit)[] ArithmeticFlags =
        [(RflagsBits.CF, 1), (RflagsBits.PF, 4), (RflagsBits.AF, 0x10), (RflagsBits.ZF, 0x40), (RflagsBits.SF, 0x80), (RflagsBits.OF, 0x800)];

    private readonly Form[] _ofRegisters;
    private readonly Form[] _ofFixedAddresses;
    private readonly Form[] _ofOtherAddresses;
    private readonly Form[] _ofVectors;

    public ProgramMaker(FormCatalogue catalogue)
    {
        var all = catalogue.ByMnemonic.OrderBy(pair => pair.Key).SelectMany(pair => pair.Value).Where(Fits).ToArray();
        var fit = Array.FindAll(all, form => !VectorForms.Contains(form.First));
        _ofVectors = Array.FindAll(all, form => VectorForms.UsesXmm(form.First) && (!MemoryOperand.Exists(form.First) || IsFixed(form.First)));
        _ofRegisters = [.. fit.Where(form => !MemoryOperand.Exists(form.First) && !form.First.IsStringInstruction)];
        _ofFixedAddresses = [.. fit.Where(form => MemoryOperand.Exists(form.First) && IsFixed(form.First))];
        _ofOtherAddresses = [.. fit.Where(form => MemoryOperand.Exists(form.First) && !IsFixed(form.First) || form.First.IsStringInstruction)];
    }

    /// <summary>A row that runs a new program.</summary>
    public Row Make(Random random)
    {
        var row = new Row(MakeProgram(random)) { FsBase = 0x1000, GsBase = 0x1234_0000_0000, Rflags = 0x202 | (ulong)random.Next(0x1000) & 0x8d5 };
        for (var i = 0; i < 15; i++)
            row.General[i] = OperandValues.Pick(random);
        row.General[4] = Arena.Stack + 0x800;
        row.General[15] = (ulong)random.Next(1, 6);
        row.Vectors = VectorForms.MakeImage(random, random.Next(3) * 4);
        return row;
    }

    private Form MakeProgram(Random random)
    {
        var code = new List<byte>();
        var undefinedAt = new Dictionary<ulong, ulong>();
        var jumps = new List<(int From, int Left, ulong Undefined)>(); // rel32 to fill in, how many instructions it skips still
        ulong undefined = 0;
        for (var left = random.Next(3, 16); left > 0; left--)
        {
            Land(code, jumps, ref undefined, all: false);
            undefinedAt[Arena.Code + Start + (ulong)code.Count] = undefined;
            if (random.Next(5) == 0)
            {
                var condition = (byte)random.Next(16);
                if ((ReadBy(condition) & undefined) != 0)
                    continue;
                code.AddRange([0x0f, (byte)(0x80 | condition), 0, 0, 0, 0]);
                jumps.Add((code.Count, random.Next(1, 5), undefined));
                continue;
            }
            var form = Pick(random);
            if ((Bits(form.First.RflagsRead) & undefined) != 0)
                continue;
            code.AddRange(form.Code);
            var made = UndefinedFlags.Possible(form.First);
            undefined = undefined & ~(Bits(form.First.RflagsModified) & ~made & Certain(form.First)) | made;
        }
        Land(code, jumps, ref undefined, all: true);
        undefinedAt[Arena.Code + Start + (ulong)code.Count] = undefined;
        code.AddRange([0x49, 0x83, 0xef, 0x01]); // sub r15, 1: all flags are defined again
        var back = -(code.Count + 6);
        code.AddRange([0x0f, 0x85, (byte)back, (byte)(back >> 8), 0xff, 0xff]); // jnz to the start
        return new Form([.. code], Start) { UndefinedAt = undefinedAt };
    }

    /// <summary>Lets jumps whose count ran out, or all, end here.</summary>
    private static void Land(List<byte> code, List<(int From, int Left, ulong Undefined)> jumps, ref ulong undefined, bool all)
    {
        for (var i = jumps.Count - 1; i >= 0; i--)
        {
            var (from, left, atJump) = jumps[i];
            jumps[i] = (from, left - 1, atJump);
            if (left > 0 && !all)
                continue;
            var distance = code.Count - from;
            code[from - 4] = (byte)distance;
            code[from - 3] = (byte)(distance >> 8);
            undefined |= atJump;
            jumps.RemoveAt(i);
        }
    }

    private Form Pick(Random random)
    {
        var from = random.Next(26) switch
        {
            >= 20 => _ofVectors,
            < 13 => _ofRegisters,
            < 19 => _ofFixedAddresses,
            _ => _ofOtherAddresses,
        };
        return from[random.Next(from.Length)];
    }

    /// <summary>The flags that an instruction surely sets: a shift by nothing sets none, a repeated comparison neither.</summary>
    private static ulong Certain(Instruction instruction)
        => instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl
            or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd || instruction.IsStringInstruction ? 0 : ulong.MaxValue;

    private static ulong ReadBy(byte condition) => (condition >> 1) switch
    {
        0 => 0x800,
        1 => 1,
        2 => 0x40,
        3 => 0x41,
        4 => 0x80,
        5 => 4,
        6 => 0x880,
        _ => 0x8c0,
    };

    private static ulong Bits(RflagsBits flags)
    {
        ulong bits = 0;
        foreach (var (name, bit) in ArithmeticFlags)
            bits |= (flags & name) != 0 ? bit : 0;
        return bits;
    }

    private static bool IsFixed(Instruction instruction)
        => instruction.IsIPRelativeMemoryOperand || instruction is { MemoryBase: Register.None, MemoryIndex: Register.None };

    private static bool Fits(Form form)
    {
        var instruction = form.First;
        if (instruction.FlowControl != FlowControl.Next || X87Forms.HasState(instruction) || instruction.IsPrivileged || instruction.HasRepPrefix || instruction.HasRepnePrefix)
            return false;
        // A system instruction ends most programs at once; the others leave results undefined, change how instructions run, move the stack,
        // may raise either of two faults, or ask for descriptors that are the machine's own.
        if (instruction.Mnemonic is Mnemonic.In or Mnemonic.Out or Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw
            or Mnemonic.Outsd or Mnemonic.Cli or Mnemonic.Sti or Mnemonic.Hlt or Mnemonic.Popf or Mnemonic.Popfq or Mnemonic.Enter or Mnemonic.Leave
            or Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Pause or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase
            or Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq or Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr
            or Mnemonic.Verw or Mnemonic.Maskmovdqu or Mnemonic.Rcpps or Mnemonic.Rcpss or Mnemonic.Rsqrtps or Mnemonic.Rsqrtss || instruction.SegmentPrefix != Register.None && !Arena.IsCanonical(instruction.MemoryDisplacement64))
            return false;
        if (instruction.Mnemonic is Mnemonic.Bswap or Mnemonic.Shld or Mnemonic.Shrd && instruction.MemorySize.GetSize() <= 2
            && (instruction.Op0Kind == OpKind.Memory || instruction.Op0Register.GetSize() == 2))
            return false;
        foreach (var used in new InstructionInfoFactory().GetInfo(instruction).GetUsedRegisters())
        {
            var writes = used.Access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite;
            var register = used.Register.IsGPR() ? used.Register.GetFullRegister() : used.Register;
            if (writes && (register is Register.R15 || register.IsSegmentRegister() || register == Register.RSP && !instruction.IsStackInstruction))
                return false;
        }
        return !(instruction.IsStackInstruction && instruction.Op0Kind == OpKind.Register && instruction.Op0Register.GetFullRegister() == Register.RSP);
    }
}
