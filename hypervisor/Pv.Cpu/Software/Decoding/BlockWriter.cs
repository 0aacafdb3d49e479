using System.Runtime.InteropServices;
using Iced.Intel;

namespace Pv.Cpu.Software;

/// <summary>What an operation of the general layer stands for.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GeneralRecord
{
    /// <summary>Does the instruction. False when the block is left: by a fault, or since the instruction ends it.</summary>
    public delegate*<CpuState*, Op*, GeneralRecord*, bool> Execute;

    /// <summary>The displacement of the memory operand.</summary>
    public long Displacement;

    public Instruction Instruction;
}

/// <summary>Writes the operations of one block behind its header.</summary>
// SAFETY: room for the largest block was checked; slots are counted up from the header, records start behind the last possible slot.
internal unsafe ref struct BlockWriter
{
    private readonly Block* _block;
    private readonly Op* _ops;
    private GeneralRecord* _records;
    private int _slot;
    private KnownFlags _known;
    private OperandForm _lastForm;
    private int _lastSize;

    public BlockWriter(Block* block, int instructions)
    {
        _block = block;
        _ops = (Op*)(block + 1);
        _records = (GeneralRecord*)(_ops + instructions + 4);
    }

    /// <summary>Writes all. Returns the first free byte behind the block.</summary>
    public byte* Write(ReadOnlySpan<Instruction> instructions, ReadOnlySpan<bool> flagsLive, int translateAfter)
    {
        if (translateAfter > 0)
        {
            _block->Counts = true;
            _ops[_slot++] = new Op { Handler = &Leaving.Count, Imm = translateAfter };
        }
        var ended = false;
        for (var i = 0; i < instructions.Length; i++)
        {
            ref readonly var instruction = ref instructions[i];
            var op = Open(instruction, i);
            ended = Terminators.TryWrite(ref this, op, instruction, i, instructions);
            if (ended)
                break;
            _lastForm = OperandForm.None;
            var known = KnownFlags.Nothing;
            if (!HotChoice.TryWrite(op, instruction, flagsLive[i], _known, ref known, out _lastForm, out _lastSize))
                General(op, instruction);
            else if (i > 0 && CopyFusion.TryFuse(op, instruction, flagsLive[i], instructions[i - 1]))
            {
                _slot--;
                _lastForm = OperandForm.None;
            }
            if (instruction.RflagsModified != RflagsBits.None)
                _known = known;
        }
        if (!ended)
        {
            ref readonly var last = ref instructions[^1];
            var op = _ops + _slot++;
            *op = new Op
            {
                Handler = &Leaving.FallThrough,
                Offset = (ushort)(last.NextIP - _block->Rip),
                Slot = (byte)(op - _ops),
                Count = (byte)instructions.Length,
                Total = (byte)instructions.Length,
            };
            AddLinks();
        }
        _block->Slots = _slot;
        return (byte*)_records;
    }

    public readonly KnownFlags Known => _known;

    private Op* Open(in Instruction instruction, int number)
    {
        var op = _ops + _slot++;
        *op = new Op
        {
            Dst = CpuState.ZeroOffset,
            Src = CpuState.ZeroOffset,
            Base = CpuState.ZeroOffset,
            Index = CpuState.ZeroOffset,
            Offset = (ushort)(instruction.IP - _block->Rip),
            Slot = (byte)(op - _ops),
            Count = (byte)number,
            Length = (byte)instruction.Length,
            Total = (byte)(number + 1),
        };
        return op;
    }

    /// <summary>Gives an instruction to the general layer.</summary>
    public void General(Op* op, in Instruction instruction)
    {
        Describe(op, _records++, instruction);
        op->Handler = &GeneralHandler.Run;
    }

    /// <summary>Fills in a record of the general layer and its operation.</summary>
    public static void Describe(Op* op, GeneralRecord* record, in Instruction instruction)
    {
        *record = new GeneralRecord { Instruction = instruction, Execute = GeneralChoice.Of(instruction) };
        for (var i = 0; i < instruction.OpCount; i++)
            if (instruction.GetOpKind(i) == OpKind.Memory)
                record->Displacement = MemoryOperand.Describe(instruction, op, out _);
        op->Disp = (long)record;
    }

    /// <summary>Makes the slot behind a terminator its links.</summary>
    public void AddLinks() => *(Links*)(_ops + _slot) = default;

    /// <summary>The operation before the one that is being written, when a <c>jcc</c> can be fused with it.</summary>
    public readonly Op* TryFuse(out OperandForm form, out int size)
    {
        form = _lastForm;
        size = _lastSize;
        return _lastForm is OperandForm.RegReg or OperandForm.RegImm && _slot > 1 ? _ops + _slot - 2 : null;
    }

    /// <summary>Takes back the operation that is being written: it became part of the one before.</summary>
    public void TakeBack() => _slot--;
}
