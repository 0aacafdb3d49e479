using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>One vCPU: its state, its soft TLB, its decoded blocks, and the loop that goes from block to block.</summary>
/// <remarks>
/// Handlers go from one to the next by jumps and come back here when a link is missing, an exit is set, or the quantum ran out; that return
/// is also where the garbage collector can stop the thread, so a quantum is a few microseconds.
/// Other threads ask for something through <see cref="Kick"/> and <see cref="Post"/> only: a flag or a note, then <c>Limit = 0</c>.
/// </remarks>
// SAFETY: the state lives in a pinned array that this object holds; the guest's registers are pinned for the length of Run.
internal sealed unsafe partial class SoftwareVcpu : ICpuVcpu
{
    /// <summary>How many instructions handlers may do before they come back, at most a block more.</summary>
    private const long Quantum = 8192;

    private readonly SoftwareDomain _domain;
    private readonly VcpuId _number;
    private readonly byte[] _storage = GC.AllocateArray<byte>(sizeof(CpuState) + (JumpEntry.Count * sizeof(JumpEntry)) + 64, pinned: true);
    private readonly CpuState* _state;
    private readonly ConcurrentQueue<FrameNote> _notes = new();
    private readonly BlockDecoder _decoder;
    private readonly IdleProbe _idle;
    private readonly ICpuPacer? _pacer;
    private GCHandle _self;
    private volatile bool _kicked;
    private volatile bool _running;
    private int _thread;
    private int _goodCodeSegment = -1;

    public SoftwareVcpu(SoftwareDomain domain, VcpuId number, ICpuHost host)
    {
        _domain = domain;
        _number = number;
        Host = host;
        _pacer = host.Pacer;
        var start = (byte*)(((nuint)Unsafe.AsPointer(ref _storage[0]) + 63) & ~(nuint)63);
        _state = (CpuState*)start;
        _state->Jumps = (JumpEntry*)(start + ((sizeof(CpuState) + 31) & ~31));
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
        _state->Vcpu = GCHandle.ToIntPtr(_self);
        _state->WideExchanger = domain.ExchangesWide ? HostExchange.Code : null;
        _native = domain.TranslateAfter >= 0 ? NativeCode.TryCreate() : null;
        Blocks = new BlockCache(_native);
        _decoder = new BlockDecoder(domain, this);
        if (_native != null)
        {
            TranslateAfter = Math.Max(domain.TranslateAfter, 1);
            _native.Attach(_state);
            _translator = new Translator(domain, this, _native);
        }
        _idle = new IdleProbe(domain.Memory);
    }

    public MachineMemory Memory => _domain.Memory;

    public ICpuHost Host { get; }

    public SoftTlb Tlb { get; } = new();

    public BlockCache Blocks { get; }

    public ulong InstructionsRetired => (ulong)Volatile.Read(ref _state->Retired);

    /// <summary>Tells whoever listens why a #UD is raised whose cause is the engine and not the architecture.</summary>
    public void ReportUnsupported(string what) => _domain.ReportUnsupported(_number, what);

    public static SoftwareVcpu Of(CpuState* s) => Unsafe.As<SoftwareVcpu>(GCHandle.FromIntPtr(s->Vcpu).Target!);

    public CpuExit Run(ref GuestRegisters registers)
    {
        ObjectDisposedException.ThrowIf(!_self.IsAllocated, this);
        var s = _state;
        fixed (GuestRegisters* guest = &registers)
        {
            _thread = Environment.CurrentManagedThreadId;
            _running = true;
            try
            {
                Enter(s, guest);
                if (CanRun(s, guest->Cs))
                    Loop(s);
                Leave(s, guest);
                if (s->ExitKind is not (CpuExitKind.Preempted or CpuExitKind.Idle))
                    _idle.NoteLeft(s->Retired);
            }
            finally
            {
                _running = false;
                s->Guest = null;
            }
        }
        return new CpuExit(s->ExitKind, s->ExitVector, s->ExitError, s->ExitAddress);
    }

    public void Kick()
    {
        _kicked = true;
        Interlocked.Exchange(ref _state->Limit, 0);
    }

    public void FlushTlb()
    {
        Tlb.FlushAll();
        SelectAgain();
    }

    public void FlushPage(ulong linearAddress)
    {
        Tlb.FlushPage(linearAddress);
        SelectAgain();
    }

    /// <summary>Adds the translations that it may use without another walk. Only while <see cref="Run"/> is not running.</summary>
    public void CollectTranslations(List<HeldTranslation> translations) => Tlb.Collect(translations, Memory.Base);

    /// <summary>Leaves a note about a frame for this vCPU's own thread. Any thread.</summary>
    public void Post(FrameNote note)
    {
        _notes.Enqueue(note);
        Interlocked.Exchange(ref _state->Limit, 0);
        if (_running && _thread == Environment.CurrentManagedThreadId)
            Attend();
    }

    /// <summary>This vCPU wrote to a frame that bears a mark.</summary>
    public void NoteMarkedWrite(Mfn frame, FrameMark mark, int offset, int size)
    {
        if ((mark & FrameMark.DirtyLog) != 0 || _domain.HoldsCode(frame, offset, size))
            Memory.Marks.NoteWrite(frame);
    }

    /// <summary>Turns alignment checks on or off as the flag says.</summary>
    public void FollowAlignmentFlag(CpuState* s)
    {
        s->ChecksAlignment = (s->SystemFlags & Flags.AlignmentCheck) != 0;
        Tlb.Select(s, s->Guest->Cr3);
    }

    /// <summary>Stops writing straight to a frame. Own writes so far are seen by own reads, so nothing need be dropped.</summary>
    public void Protect(Mfn frame) => Tlb.Protect(Memory.Base + frame.Address);

    public void Dispose()
    {
        if (!_self.IsAllocated)
            return;
        _domain.Remove(this);
        _self.Free();
        Blocks.Dispose();
    }

    /// <summary>32-bit code is not run, and says so.</summary>
    private bool CanRun(CpuState* s, ushort codeSegment)
    {
        if (codeSegment == _goodCodeSegment)
            return true;
        if (SegmentInstructions.WhyNotRun(Host, codeSegment) is { } reason)
        {
            ReportUnsupported(reason);
            Core.SetExit(s, CpuExitKind.Exception, ExceptionVector.InvalidOpcode);
            return false;
        }
        _goodCodeSegment = codeSegment;
        return true;
    }

    /// <summary>After a flush in the middle of an instruction, which asked the hypervisor something: the rest of its block must not go on with what was there.</summary>
    private void SelectAgain()
    {
        if (_running && _thread == Environment.CurrentManagedThreadId)
            Tlb.Select(_state, _state->Guest->Cr3);
    }

    private void Enter(CpuState* s, GuestRegisters* guest)
    {
        for (var i = 0; i < 16; i++)
            Core.Reg(s, i) = guest->General[i];
        s->Rip = guest->Rip;
        Flags.SetExplicit(s, (uint)guest->Rflags);
        s->SystemFlags = (uint)guest->Rflags & ~Flags.Arithmetic;
        s->Stepping = (s->SystemFlags & Flags.Trap) != 0;
        s->SegmentBases[1] = guest->FsBase;
        s->SegmentBases[2] = guest->GsBase;
        s->Guest = guest;
        X87Unit.ToNumbered(guest);
        s->HasExit = false;
        s->PendingLink = null;
        s->StepShadow = false;
        s->ChecksAlignment = (s->SystemFlags & Flags.AlignmentCheck) != 0;
        Tlb.Select(s, guest->Cr3);
        s->Limit = 0;
    }

    private static void Leave(CpuState* s, GuestRegisters* guest)
    {
        for (var i = 0; i < 16; i++)
            guest->General[i] = Core.Reg(s, i);
        guest->Rip = s->Rip;
        guest->Rflags = s->SystemFlags | Flags.Get(s) | 2;
        guest->FsBase = s->SegmentBases[1];
        guest->GsBase = s->SegmentBases[2];
        X87Unit.ToStacked(guest);
    }

    private void Loop(CpuState* s)
    {
        while (true)
        {
            if (s->Retired >= s->Limit)
            {
                s->Limit = s->Retired + (_pacer?.Next((ulong)s->Retired) ?? Quantum);
                Interlocked.MemoryBarrier();
                Attend();
                if (_kicked)
                {
                    _kicked = false;
                    Core.SetExit(s, CpuExitKind.Preempted);
                    return;
                }
                if (s->Retired >= _idle.DueAt && RunsInCircle(s))
                    Core.SetExit(s, CpuExitKind.Idle);
                if (s->HasExit)
                    return;
            }
            if (s->Stepping)
            {
                if (!Step(s))
                    return;
                continue;
            }
            var link = s->PendingLink;
            s->PendingLink = null;
            var generation = _decoder.Generation;
            var block = FindBlock(s);
            if (block == null)
                return;
            var first = (Op*)(block + 1);
            if (link != null && _decoder.Generation == generation)
            {
                link->Target = first;
                link->Tag = s->MapTag;
            }
            if (_native == null)
                first->Handler(s, first);
            else
                RunTiered(s, block, generation);
            if (s->HasExit)
                return;
        }
    }

    /// <summary>Runs block by block for a while, to see whether the guest comes back to where it is with nothing changed.</summary>
    private bool RunsInCircle(CpuState* s)
    {
        var found = false;
        var begun = s->Retired;
        var last = begun + IdleProbe.LongestCircle;
        _idle.Begin(s);
        SoftTlb.ForbidWrites(s);
        s->Probing = true;
        while (!found && s->Retired < last && !_idle.IsSpoilt && !_kicked && !s->Stepping && !s->HasExit)
        {
            s->PendingLink = null;
            s->Limit = 0;
            var block = FindBlock(s);
            if (block == null)
                break;
            var first = Block.First(block);
            first->Handler(s, first);
            found = !s->HasExit && !_idle.IsSpoilt && _idle.Waits(s, s->Retired - begun);
        }
        s->Probing = false;
        s->PendingLink = null;
        s->Limit = 0;
        _idle.End(found, s->Retired);
        return found;
    }

    /// <summary>The guest is about to write a frame, while it is watched.</summary>
    public void NoteProbedWrite(Mfn frame) => _idle.NoteWrite(frame);

    /// <summary>The guest read something that changes by itself.</summary>
    public void NoteChance() => _idle.NoteChance();

    /// <summary>The block at <see cref="CpuState.Rip"/>, decoded when need be. Null after a fault.</summary>
    private Block* FindBlock(CpuState* s)
    {
        var rip = s->Rip;
        ref var jump = ref s->Jumps[rip & (JumpEntry.Count - 1)];
        if (jump.Rip == rip && jump.Tag == s->MapTag)
            return (Block*)jump.Target - 1;
        var entry = SoftTlb.EntryOf(s, rip);
        if (entry->FetchKey + (rip & ~PageSize.OffsetMask) != 0 && !TryFetch(s, rip, out _))
            return null;
        var frame = (rip + entry->Addend - (ulong)Memory.Base) >> PageSize.Shift;
        var block = Blocks.Find(rip, frame, frame);
        if (block == null)
        {
            block = _decoder.Decode(s, rip, frame);
            if (s->HasExit)
                return null;
        }
        jump.Rip = rip;
        jump.Tag = s->MapTag;
        jump.Target = (Op*)(block + 1);
        return block;
    }

    /// <summary>Checks that the page of <paramref name="address"/> may be executed. False after a fault.</summary>
    public bool TryFetch(CpuState* s, ulong address, out Mfn frame)
    {
        frame = default;
        if (!Core.IsCanonical(address))
        {
            Core.SetExit(s, CpuExitKind.Exception, ExceptionVector.GeneralProtection);
            return false;
        }
        if (!PageWalk.TryWalk(Memory, s->Guest->Cr3, address, PageAccess.Fetch, out var translation, out var error))
        {
            Core.SetExit(s, CpuExitKind.Exception, ExceptionVector.PageFault, (uint)error, address);
            return false;
        }
        frame = translation.Frame;
        SoftTlb.Fill(s, address, Memory.Base + frame.Address, PageAccess.Fetch, writable: false);
        return true;
    }

    /// <summary>One instruction, then #DB. True when the loop should go on (the trap is held back).</summary>
    private bool Step(CpuState* s)
    {
        s->PendingLink = null;
        s->StepShadow = false;
        var rip = s->Rip;
        var entry = SoftTlb.EntryOf(s, rip);
        if (entry->FetchKey + (rip & ~PageSize.OffsetMask) != 0 && !TryFetch(s, rip, out _))
            return false;
        var frame = (rip + entry->Addend - (ulong)Memory.Base) >> PageSize.Shift;
        var block = _decoder.DecodeSingle(s, rip, frame);
        if (s->HasExit)
            return false;
        s->Limit = 0;
        var first = Block.First(block);
        first->Handler(s, first);
        s->PendingLink = null;
        if (s->HasExit)
            return false;
        if (s->StepShadow)
            return true;
        Core.SetExit(s, CpuExitKind.Exception, ExceptionVector.Debug);
        return false;
    }

    /// <summary>Does what other threads asked for.</summary>
    private void Attend()
    {
        while (_notes.TryDequeue(out var note))
        {
            if (note.Dropped)
            {
                if (Blocks.Drop(note.Frame.Value))
                    Void();
            }
            else if (Tlb.Protect(Memory.Base + note.Frame.Address))
            {
                // Writes may have gone past the mark since the other vCPU decoded this frame: it decodes again.
                Memory.Marks.NoteWrite(note.Frame);
            }
        }
    }

    /// <summary>Voids links and remembered jumps of every root.</summary>
    internal void Void()
    {
        Tlb.Renew();
        _state->MapTag = Tlb.Tag;
    }
}

/// <summary>What a vCPU is told of a frame: its content changed, so drop its code; or it holds code now, so no more direct writes.</summary>
internal readonly record struct FrameNote(Mfn Frame, bool Dropped);
