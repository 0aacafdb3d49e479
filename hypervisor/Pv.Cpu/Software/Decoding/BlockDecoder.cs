using Iced.Intel;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>
/// Decodes blocks: instructions up to a jump, the page's end or <see cref="MaxInstructions"/>, each as an operation with its handler.
/// </summary>
/// <remarks>
/// A block lies in one page. An instruction that crosses into the next page is a block of its own, keyed by both frames.
/// Three passes: decode; find whose flags nobody sees (from the end); choose handlers.
/// </remarks>
// SAFETY: writes operations into the arena's free part, whose room was checked for the largest block.
internal sealed unsafe class BlockDecoder
{
    public const int MaxInstructions = 64;

    /// <summary>A header, the operation that counts, an operation and a record for each instruction, a terminator with its links.</summary>
    private static readonly int LargestBlock = sizeof(Block) + ((MaxInstructions + 4) * sizeof(Op)) + (MaxInstructions * sizeof(GeneralRecord));

    private readonly SoftwareDomain _domain;
    private readonly SoftwareVcpu _vcpu;
    private readonly CodeBytes _bytes;
    private readonly Decoder _decoder;
    private readonly Instruction[] _instructions = new Instruction[MaxInstructions];
    private readonly bool[] _flagsLive = new bool[MaxInstructions];
    private int _count;

    public BlockDecoder(SoftwareDomain domain, SoftwareVcpu vcpu)
    {
        _domain = domain;
        _vcpu = vcpu;
        _bytes = new CodeBytes(domain, vcpu);
        _decoder = Decoder.Create(64, _bytes);
    }

    /// <summary>Changes when the cache was emptied: pointers into it from before are void.</summary>
    public int Generation { get; private set; }

    private MachineMemory Memory => _domain.Memory;

    /// <summary>
    /// Decodes a block at <paramref name="rip"/>, which lies in <paramref name="frame"/>, and enters it in the cache. Null when the fetch of
    /// an instruction's second page faulted: the exit is set.
    /// </summary>
    public Block* Decode(CpuState* s, ulong rip, ulong frame)
    {
        var block = Build(s, rip, frame, TailCalls.AreMade ? MaxInstructions : 1, _vcpu.TranslateAfter);
        if (block != null && _vcpu.Blocks.Find(rip, block->Frame, block->LastFrame) == null)
            _vcpu.Blocks.Add(block);
        return block;
    }

    /// <summary>Decodes one instruction for single-stepping. The block is not entered in the cache and lives until the next one is made.</summary>
    public Block* DecodeSingle(CpuState* s, ulong rip, ulong frame)
    {
        var before = _vcpu.Blocks.Free;
        var generation = Generation;
        var block = Build(s, rip, frame, 1, 0);
        if (generation == Generation)
            _vcpu.Blocks.Take(before);
        return block;
    }

    /// <summary>Empties the cache, and the translations with it.</summary>
    public void Forget()
    {
        _vcpu.Blocks.Clear();
        _vcpu.Void();
        Generation++;
    }

    private Block* Build(CpuState* s, ulong rip, ulong frame, int most, int translateAfter)
    {
        var blocks = _vcpu.Blocks;
        if (!blocks.HasRoom(LargestBlock))
            Forget();

        var start = (int)(rip & PageSize.OffsetMask);
        _bytes.Start(Memory.Base + (frame << PageSize.Shift), new Mfn(frame), start);
        _decoder.IP = rip;
        _count = 0;
        ulong lastFrame = frame;
        while (_count < most)
        {
            ref var instruction = ref _instructions[_count];
            var offset = _bytes.Position;
            _decoder.Decode(out instruction);
            DecoderErrata.Mend(ref instruction, _bytes);
            if (_decoder.LastError == DecoderError.NoMoreBytes)
            {
                if (_count > 0)
                    break;
                var nextPage = (rip | PageSize.OffsetMask) + 1;
                if (!_vcpu.TryFetch(s, nextPage, out var next))
                    return null;
                lastFrame = next.Value;
                if (blocks.Find(rip, frame, lastFrame) is var known && known != null)
                    return known;
                _bytes.Continue(Memory.Base + next.Address, next, offset);
                _decoder.IP = rip;
                _decoder.Decode(out instruction);
                DecoderErrata.Mend(ref instruction, _bytes);
                _count = 1;
                break;
            }
            _count++;
            if (Terminators.EndsBlock(instruction))
                break;
        }

        FindLiveFlags();
        var block = (Block*)blocks.Free;
        *block = new Block { Rip = rip, Frame = frame, LastFrame = lastFrame };
        var end = new BlockWriter(block, _count).Write(_instructions.AsSpan(0, _count), _flagsLive, translateAfter);
        block->Bytes = (int)(_instructions[_count - 1].NextIP - rip);
        blocks.Take(end);
        return block;
    }

    /// <summary>
    /// An instruction's flags need not be made when all that it changes is changed again before anything can look: a reader, an exit
    /// (any access to memory may fault, and a store may change the code behind it), the block's end.
    /// </summary>
    private void FindLiveFlags()
    {
        const RflagsBits all = RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF;
        var live = all;
        for (var i = _count - 1; i >= 0; i--)
        {
            ref var instruction = ref _instructions[i];
            var effect = FlagEffects.Of(instruction);
            if (effect.Writes)
                live = all;
            _flagsLive[i] = (live & instruction.RflagsModified) != 0;
            live = (live & ~effect.Replaces) | (instruction.RflagsRead & all);
            if (effect.MayLeave)
                live = all;
        }
    }
}
