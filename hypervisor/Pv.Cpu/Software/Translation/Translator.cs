using Iced.Intel;
using Pv.Abi;
using static Pv.Cpu.Software.NativeFrame;

namespace Pv.Cpu.Software;

/// <summary>
/// Translates a block, and what follows it while its conditional jumps are not taken, to the host's own code: the guest's instructions
/// with the registers of <see cref="NativeFrame"/>, their addresses through the soft TLB.
/// </summary>
/// <remarks>
/// What is written comes from a copy of the guest's bytes that was decoded, never from the guest's memory again. Registers and memory are
/// reached at the instruction that needs them, so the guest's state is exact wherever the code can leave.
/// </remarks>
// SAFETY: room for the largest translation was checked in both parts of the arena before the first byte.
internal sealed unsafe partial class Translator
{
    /// <summary>An instruction's code with its way out has at most some 150 bytes, and each may have a record.</summary>
    private const int LargestCode = 32 << 10, LargestData = 24 << 10;

    /// <summary>How many conditional jumps a translation goes past.</summary>
    private const int MaxSideExits = 3;

    private readonly SoftwareVcpu _vcpu;
    private readonly bool _exchangesWide;
    private readonly NativeCode _code;
    private readonly CodeBytes _bytes;
    private readonly Decoder _decoder;
    private readonly PointerWriter _sink = new();
    private readonly Encoder _encoder;
    private readonly Instruction[] _instructions = new Instruction[BlockDecoder.MaxInstructions];
    private readonly NativeShape[] _shapes = new NativeShape[BlockDecoder.MaxInstructions];
    private readonly List<Departure> _departures = [];
    private readonly List<(nint Site, ulong Target, int Number)> _taken = [];
    private NativeBlock* _translation;
    private int _count, _operations;
    private bool _hasOperation;

    /// <summary>From here on in the translation, the vector registers are the guest's.</summary>
    private bool _hasVectors;
    private ulong _rip;
    private byte* _entry;

    public Translator(SoftwareDomain domain, SoftwareVcpu vcpu, NativeCode code)
    {
        _vcpu = vcpu;
        _exchangesWide = domain.ExchangesWide;
        _code = code;
        _bytes = new CodeBytes(domain, vcpu);
        _decoder = Decoder.Create(64, _bytes);
        _encoder = Encoder.Create(64, _sink);
    }

    /// <summary>A way out: where its jump stands, and the number that it leaves with.</summary>
    /// <param name="Site">The jump.</param>
    /// <param name="Number">What is left with.</param>
    /// <param name="Link">The link that it is the stub of, or 0.</param>
    /// <param name="Back">Where to go on with the vector registers, or 0.</param>
    private readonly record struct Departure(nint Site, uint Number, nint Link, nint Back = 0);

    public bool HasRoom => _code.HasRoom(LargestCode, LargestData);

    /// <summary>Translates. Null: the interpreter does it better. <see cref="HasRoom"/> must hold.</summary>
    public NativeBlock* Translate(Block* block)
    {
        if (block->LastFrame != block->Frame || !Decode(block))
            return null;
        _rip = block->Rip;
        var page = _rip & ~PageSize.OffsetMask;
        _code.AlignData();
        _translation = _code.TakeData<NativeBlock>();
        _code.TakeData<Op>(2 * _count);
        var writer = new NativeWriter(_code.Code);
        _entry = writer.At;
        *_translation = new NativeBlock
        {
            Resumes = (byte**)_code.TakeData<nint>(_count),
            NegativeRip = 0 - _rip,
            Rip = _rip,
            Entry = _code.Executable(_entry),
            WritableEntry = _entry,
            Page = page,
            TlbOffset = ((page >> PageSize.Shift) & (SoftTlb.Entries - 1)) * TlbEntry.Stride,
            NegativeAddend = page - (ulong)(_vcpu.Memory.Base + (block->Frame << PageSize.Shift)),
            Block = new Block { Rip = _rip, Frame = block->Frame, LastFrame = block->Frame },
        };
        _operations = 0;
        _hasVectors = false;
        _departures.Clear();
        _taken.Clear();
        for (var i = 0; i < _count; i++)
            Write(ref writer, i);
        if (_shapes[_count - 1] < NativeShape.Jump && _shapes[_count - 1] != NativeShape.End)
            Go(ref writer, _instructions[_count - 1].NextIP, _count, _instructions[_count - 1].IP);
        foreach (var (site, target, number) in _taken)
        {
            *(int*)(site + 2) = (int)(writer.At - (byte*)site - 6);
            Go(ref writer, target, number + 1, _instructions[number].IP);
        }
        foreach (var (site, number, link, back) in _departures)
        {
            NativeWriter.SetJump((byte*)site, writer.At);
            if (back != 0)
            {
                writer.MoveWide(R10, (ulong)back);
                writer.MoveConstant(R11, number);
                writer.JumpTo(_code.TakeVectors);
                continue;
            }
            if (link != 0)
                ((NativeLink*)link)->Stub = writer.At;
            Leave(ref writer, number);
        }
        _translation->Stale = writer.At;
        Leave(ref writer, Place(_translation) | (uint)NativeExit.Stale);
        _code.TakeCode(writer.At);
        return _translation;
    }

    /// <summary>Decodes, and judges whether it is worth it.</summary>
    private bool Decode(Block* block)
    {
        var start = (int)(block->Rip & PageSize.OffsetMask);
        _bytes.Start(_vcpu.Memory.Base + (block->Frame << PageSize.Shift), new Mfn(block->Frame), start);
        _decoder.IP = block->Rip;
        _count = 0;
        int exits = 0, interpreted = 0;
        while (_count < _instructions.Length)
        {
            ref var instruction = ref _instructions[_count];
            _decoder.Decode(out instruction);
            DecoderErrata.Mend(ref instruction, _bytes);
            if (_decoder.LastError == DecoderError.NoMoreBytes)
                break;
            var shape = NativeChoice.Of(instruction, _exchangesWide);
            _shapes[_count++] = shape;
            if (shape == NativeShape.Interpreted)
                interpreted++;
            if (shape is NativeShape.End or >= NativeShape.Jump || (shape == NativeShape.Conditional && ++exits > MaxSideExits))
                break;
        }
        return _count > 0 && _shapes[0] != NativeShape.End && interpreted * 5 <= _count;
    }

    private void Write(ref NativeWriter writer, int number)
    {
        ref readonly var instruction = ref _instructions[number];
        _hasOperation = false;
        switch (_shapes[number])
        {
            case NativeShape.Nothing:
                break;
            case NativeShape.Vector:
                TakeVectors(ref writer, number);
                if (!TryWriteItself(ref writer, instruction, number))
                    Interpret(ref writer, number);
                break;
            case NativeShape.Itself:
                if (!TryWriteItself(ref writer, instruction, number))
                    Interpret(ref writer, number);
                break;
            case NativeShape.Lea:
                WriteLea(ref writer, instruction);
                break;
            case NativeShape.Push:
                WritePush(ref writer, instruction, number);
                break;
            case NativeShape.Pop:
                Check(ref writer, GuestRsp, 8, write: false, Operation(number));
                writer.Load(HostOr(instruction.Op0Register, Rcx), new NativeOperand(R10, 0, GuestRsp));
                StoreBack(ref writer, instruction.Op0Register, Rcx);
                writer.Lea(GuestRsp, new NativeOperand(GuestRsp, 8));
                break;
            case NativeShape.Leave:
                Check(ref writer, Rbp, 8, write: false, Operation(number));
                writer.Lea(GuestRsp, new NativeOperand(Rbp, 8));
                writer.Load(Rbp, new NativeOperand(R10, 0, Rbp));
                break;
            case NativeShape.WideExchange:
                WriteWideExchange(ref writer, instruction, number);
                break;
            case NativeShape.Interpreted:
                Interpret(ref writer, number);
                break;
            case NativeShape.End:
                Leave(ref writer, Operation(number) | (uint)NativeExit.Interpret);
                break;
            case NativeShape.Conditional:
                _taken.Add(((nint)writer.At, instruction.NearBranchTarget, number));
                writer.Byte(0x0f);
                writer.Byte(0x80 | ConditionNumber(instruction.ConditionCode));
                writer.Int(0);
                break;
            case NativeShape.Jump:
                Go(ref writer, instruction.NearBranchTarget, number + 1, instruction.IP);
                break;
            case NativeShape.Call:
                PushReturn(ref writer, instruction, number);
                Go(ref writer, instruction.NearBranchTarget, number + 1, instruction.IP);
                break;
            case NativeShape.Return:
                Check(ref writer, GuestRsp, 8, write: false, Operation(number) | (uint)NativeExit.Interpret);
                writer.Load(Rcx, new NativeOperand(R10, 0, GuestRsp));
                writer.Lea(GuestRsp, new NativeOperand(GuestRsp, 8 + (instruction.OpCount > 0 ? instruction.Immediate16 : 0)));
                Find(ref writer, number);
                break;
            case NativeShape.JumpIndirect:
                LoadTarget(ref writer, instruction, number);
                Find(ref writer, number);
                break;
            case NativeShape.CallIndirect:
                LoadTarget(ref writer, instruction, number);
                writer.StoreFrame(NativeFrame.Rip, Rcx);
                CheckCanonical(ref writer, Operation(number) | (uint)NativeExit.Interpret);
                PushReturn(ref writer, instruction, number);
                writer.LoadFrame(Rcx, NativeFrame.Rip);
                Find(ref writer, number);
                break;
        }
        if (_hasOperation)
            _translation->Resumes[_operations - 1] = _code.Executable(writer.At);
    }

    /// <summary>The place of the operation with which the interpreter does an instruction, made when it is first asked for.</summary>
    private uint Operation(int number)
    {
        if (!_hasOperation)
        {
            _hasOperation = true;
            ref readonly var instruction = ref _instructions[number];
            var op = (Op*)(_translation + 1) + (2 * _operations);
            *op = new Op
            {
                Dst = CpuState.ZeroOffset,
                Src = CpuState.ZeroOffset,
                Base = CpuState.ZeroOffset,
                Index = CpuState.ZeroOffset,
                Offset = (ushort)(instruction.IP - _rip),
                Slot = (byte)(2 * _operations++),
                Count = (byte)number,
                Length = (byte)instruction.Length,
                Total = (byte)(number + 1),
            };
            op[1] = new Op { Handler = &Leaving.Return };
            var known = KnownFlags.Nothing;
            if (_shapes[number] == NativeShape.Return)
                op->Imm = 8 + (instruction.OpCount > 0 ? instruction.Immediate16 : 0);
            else if (_shapes[number] is not (NativeShape.End or >= NativeShape.Jump)
                && !HotChoice.TryWrite(op, instruction, true, KnownFlags.Nothing, ref known, out _, out _))
            {
                BlockWriter.Describe(op, _code.TakeData<GeneralRecord>(), instruction);
                op->Handler = &GeneralHandler.Run;
            }
        }
        return Place((Op*)(_translation + 1) + (2 * (_operations - 1)));
    }

    private uint Place(void* data) => (uint)((byte*)data - _code.Data);

    private void Interpret(ref NativeWriter writer, int number) => Leave(ref writer, Operation(number) | (uint)NativeExit.Operation);

    private void Leave(ref NativeWriter writer, uint number)
    {
        writer.MoveConstant(Rcx, number);
        writer.JumpTo(_code.Exit);
    }

    private void Depart(byte* site, uint number) => _departures.Add(new Departure((nint)site, number, 0));

    /// <summary>
    /// Looks an address up in the TLB; the way out is that of <paramref name="number"/>. Behind it, <c>r10</c> is what turns the address into
    /// the host's; <c>rcx</c> is free.
    /// </summary>
    private void Check(ref NativeWriter writer, int address, int size, bool write, uint number)
    {
        var keys = (write ? TlbEntry.WriteOffset : 0) - TlbBias;
        writer.RotateRight(R10, address, PageSize.Shift + 10);
        writer.ShiftRight(R10, R10, Tlb);
        writer.Load(Rcx, new NativeOperand(Tlb, keys, R10, 3));
        writer.Lea(Rcx, new NativeOperand(Rcx, size - 1, address));
        writer.ShiftRight(Rcx, Rcx, Rsp);
        Depart(writer.JumpUnlessZero(), number);
        writer.Load(R10, new NativeOperand(Tlb, TlbEntry.AddendOffset - TlbBias, R10, 3));
    }

    /// <summary>Computes the address of the memory operand and looks it up. Returns the register that the address is in.</summary>
    private int Access(ref NativeWriter writer, in Instruction instruction, int size, bool write, uint number)
    {
        var segment = MemoryOperand.SegmentIndex(instruction.SegmentPrefix);
        Register origin = instruction.MemoryBase, index = instruction.MemoryIndex;
        if (segment == 0 && origin is Register.None or Register.RIP && index == Register.None)
        {
            var address = instruction.IsIPRelativeMemoryOperand ? instruction.IPRelativeMemoryAddress : instruction.MemoryDisplacement64;
            var entry = (int)((address >> PageSize.Shift) & (SoftTlb.Entries - 1)) * TlbEntry.Stride;
            writer.MoveConstant(R11, address);
            writer.Load(Rcx, new NativeOperand(Tlb, entry + (write ? TlbEntry.WriteOffset : 0) - TlbBias));
            writer.Lea(Rcx, new NativeOperand(Rcx, size - 1, R11));
            writer.ShiftRight(Rcx, Rcx, Rsp);
            Depart(writer.JumpUnlessZero(), number);
            writer.Load(R10, new NativeOperand(Tlb, entry + TlbEntry.AddendOffset - TlbBias));
            return R11;
        }
        var register = R11;
        if (segment == 0 && index == Register.None && instruction.MemoryDisplacement64 == 0 && HostOf(Number(origin)) >= 0)
            register = HostOf(Number(origin));
        else
            Address(ref writer, instruction, segment);
        Check(ref writer, register, size, write, number);
        return register;
    }

    /// <summary>Puts the address of the memory operand into <c>r11</c>.</summary>
    private static void Address(ref NativeWriter writer, in Instruction instruction, int segment)
    {
        Register origin = instruction.MemoryBase, index = instruction.MemoryIndex;
        if (origin is Register.None or Register.RIP && index == Register.None)
            writer.MoveConstant(R11, instruction.IsIPRelativeMemoryOperand ? instruction.IPRelativeMemoryAddress : instruction.MemoryDisplacement64);
        else
            writer.Lea(R11, Effective(ref writer, instruction));
        if (segment == 0)
            return;
        writer.LoadFrame(R10, SegmentBases + (8 * segment));
        writer.Lea(R11, new NativeOperand(R11, 0, R10));
    }

    /// <summary>The memory operand in host registers, those of the frame loaded into <c>r11</c> and <c>r10</c>.</summary>
    private static NativeOperand Effective(ref NativeWriter writer, in Instruction instruction)
    {
        int host = -1, scaled = -1;
        if (instruction.MemoryBase != Register.None)
            host = Loaded(ref writer, Number(instruction.MemoryBase), R11);
        if (instruction.MemoryIndex != Register.None)
            scaled = Loaded(ref writer, Number(instruction.MemoryIndex), R10);
        return new NativeOperand(host, (int)instruction.MemoryDisplacement64, scaled, System.Numerics.BitOperations.Log2((uint)instruction.MemoryIndexScale));
    }

    private static int Loaded(ref NativeWriter writer, int guest, int scratch)
    {
        if (HostOf(guest) >= 0)
            return HostOf(guest);
        writer.LoadFrame(scratch, PlaceOf(guest));
        return scratch;
    }

    private static int Number(Register register) => Registers.OffsetOf(register) >> 3;

    private static int HostOr(Register register, int scratch) => HostOf(Number(register)) is >= 0 and var host ? host : scratch;

    private static void StoreBack(ref NativeWriter writer, Register register, int scratch)
    {
        if (HostOf(Number(register)) < 0)
            writer.StoreFrame(PlaceOf(Number(register)), scratch);
    }

    private static int ConditionNumber(ConditionCode code) => code switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };

    private static void WriteLea(ref NativeWriter writer, in Instruction instruction)
    {
        var to = HostOr(instruction.Op0Register, Rcx);
        var wide = Registers.SizeOf(instruction.Op0Register) == 8;
        if (instruction.MemoryBase is Register.None or Register.RIP && instruction.MemoryIndex == Register.None)
        {
            var value = instruction.IsIPRelativeMemoryOperand ? instruction.IPRelativeMemoryAddress : instruction.MemoryDisplacement64;
            writer.MoveConstant(to, wide ? value : (uint)value);
        }
        else if (wide)
            writer.Lea(to, Effective(ref writer, instruction));
        else
            writer.Lea32(to, Effective(ref writer, instruction));
        StoreBack(ref writer, instruction.Op0Register, to);
    }

    /// <summary><c>cmpxchg16b</c>, whose other registers but rcx are in the host's of their names.</summary>
    private void WriteWideExchange(ref NativeWriter writer, in Instruction instruction, int number)
    {
        var address = Access(ref writer, instruction, 16, write: true, Operation(number));
        CheckAligned(ref writer, address, Operation(number));
        writer.Move(Rcx, GuestRcx);
        writer.LockedWideExchange(new NativeOperand(R10, 0, address));
    }

    private void WritePush(ref NativeWriter writer, in Instruction instruction, int number)
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            var address = Access(ref writer, instruction, 8, write: false, Operation(number));
            writer.Load(Rcx, new NativeOperand(R10, 0, address));
            writer.StoreFrame(NativeFrame.Rip, Rcx);
        }
        writer.Lea(R11, new NativeOperand(GuestRsp, -8));
        Check(ref writer, R11, 8, write: true, Operation(number));
        var to = new NativeOperand(R10, 0, R11);
        if (instruction.Op0Kind == OpKind.Register)
            writer.Store(to, Loaded(ref writer, Number(instruction.Op0Register), Rcx));
        else if (instruction.Op0Kind == OpKind.Memory)
        {
            writer.LoadFrame(Rcx, NativeFrame.Rip);
            writer.Store(to, Rcx);
        }
        else
            writer.StoreConstant(to, (int)instruction.GetImmediate(0));
        writer.Move(GuestRsp, R11);
    }

    private void PushReturn(ref NativeWriter writer, in Instruction instruction, int number)
    {
        writer.Lea(R11, new NativeOperand(GuestRsp, -8));
        Check(ref writer, R11, 8, write: true, Operation(number) | (uint)NativeExit.Interpret);
        var to = new NativeOperand(R10, 0, R11);
        if ((long)instruction.NextIP == (int)instruction.NextIP)
            writer.StoreConstant(to, (int)instruction.NextIP);
        else
        {
            writer.MoveConstant(Rcx, instruction.NextIP);
            writer.Store(to, Rcx);
        }
        writer.Move(GuestRsp, R11);
    }

    /// <summary>Puts the target of an indirect jump into <c>rcx</c>.</summary>
    private void LoadTarget(ref NativeWriter writer, in Instruction instruction, int number)
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            var host = HostOf(Number(instruction.Op0Register));
            if (host >= 0)
                writer.Move(Rcx, host);
            else
                writer.LoadFrame(Rcx, PlaceOf(Number(instruction.Op0Register)));
            return;
        }
        var address = Access(ref writer, instruction, 8, write: false, Operation(number) | (uint)NativeExit.Interpret);
        writer.Load(Rcx, new NativeOperand(R10, 0, address));
    }

    /// <summary>Leaves when an address is no multiple of 16.</summary>
    private void CheckAligned(ref NativeWriter writer, int address, uint number)
    {
        // The table pointer's five low bits are 22: with twice three more, only the four low bits of the address are left.
        writer.ShiftLeft32(Rcx, address, Tlb);
        writer.Lea32(Rcx, new NativeOperand(-1, 0, Rcx, 3));
        writer.Lea32(Rcx, new NativeOperand(-1, 0, Rcx, 3));
        Depart(writer.JumpUnlessZero(), number);
    }

    /// <summary>Makes sure that the vector registers are the guest's.</summary>
    private void TakeVectors(ref NativeWriter writer, int number)
    {
        if (_hasVectors)
            return;
        _hasVectors = true;
        writer.LoadFrame(Rcx, VectorsAway);
        var site = writer.JumpUnlessZero();
        _departures.Add(new Departure((nint)site, Operation(number) | (uint)NativeExit.Interpret, 0, (nint)_code.Executable(writer.At)));
    }

    /// <summary>Leaves when the address in <c>rcx</c> is not canonical.</summary>
    private void CheckCanonical(ref NativeWriter writer, uint number)
    {
        writer.MoveWide(R10, 1ul << 47);
        writer.Lea(R10, new NativeOperand(R10, 0, Rcx));
        writer.RotateRight(R10, R10, 48);
        writer.ZeroExtend16(Rcx, R10);
        Depart(writer.JumpUnlessZero(), number);
    }

    /// <summary>Counts, and goes where <c>rcx</c> says. The operation tells what to undo when that is no address.</summary>
    private void Find(ref NativeWriter writer, int number)
    {
        writer.StoreConstant(new NativeOperand(Rsp, Site), (int)Operation(number));
        Advance(ref writer, number + 1);
        writer.JumpTo(_code.Find);
    }

    private static void Advance(ref NativeWriter writer, int count)
    {
        writer.LoadFrame(R10, Count);
        writer.Lea(R10, new NativeOperand(R10, -count));
        writer.StoreFrame(Count, R10);
    }

    /// <summary>Counts, looks at the limit on the way back, and goes on at an address that is known now.</summary>
    private void Go(ref NativeWriter writer, ulong target, int count, ulong from)
    {
        var link = _code.TakeData<NativeLink>();
        *link = new NativeLink { Rip = target, Crosses = ((target ^ _rip) & ~PageSize.OffsetMask) != 0 };
        Advance(ref writer, count);
        if (target <= from)
        {
            writer.LoadFrame(Rcx, NativeFrame.State);
            writer.Load(Rcx, new NativeOperand(Rcx, StateOffsets.Limit));
            writer.Lea(Rcx, new NativeOperand(Rcx, -1, R10));
            writer.ShiftRight(Rcx, Rcx, Tlb);
            Depart(writer.JumpUnlessZero(), Place(link) | (uint)NativeExit.Limit);
        }
        if (target == _rip)
        {
            writer.JumpTo(_entry);
            return;
        }
        link->Site = writer.Jump();
        if (link->Crosses)
            writer.At = link->Site + CrossingCode.Bytes;
        _departures.Add(new Departure((nint)link->Site, Place(link) | (uint)NativeExit.Link, (nint)link));
    }
}
