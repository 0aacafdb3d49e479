using System.Runtime.Intrinsics.X86;
using Pv.Machine;
using static Pv.Cpu.Software.NativeFrame;

namespace Pv.Cpu.Software;

/// <summary>One vCPU's arena of translated code, the data beside it, and the code that all translations share: the ways in, out and across.</summary>
/// <remarks>
/// Code is written through one mapping and executed through another. Both parts are bounded; when one is full, all is forgotten together with
/// the decoded blocks, between blocks.
/// Translated code runs without a GC transition, so it comes back after a quantum of instructions, where the runtime's poll stands.
/// </remarks>
// SAFETY: the arenas live as long as this; places come from bump pointers that are checked; the code that is entered was written here.
internal sealed unsafe class NativeCode : IDisposable
{
    /// <summary>The sizes of the two parts, committed on touch.</summary>
    public const int CodeBytes = 32 << 20, DataBytes = 64 << 20;

    /// <summary>One place for each value of an address's low 16 bits.</summary>
    private const int JumpCount = 1 << 16;

    private readonly HostRange _code = HostRange.ReserveShared(CodeBytes);
    private readonly HostRange _data = HostRange.ReservePrivate(DataBytes);
    private readonly HostRange _jumps = HostRange.ReservePrivate(JumpCount * sizeof(uint));
    private readonly byte* _sharedEnd;
    private byte* _enter;
    private byte* _codeEnd, _dataEnd;

    private NativeCode()
    {
        if (!_code.TryMapExecutable())
            return;
        IsExecutable = true;
        _codeEnd = _code.Base;
        var writer = new NativeWriter(_codeEnd);
        WriteEntry(ref writer);
        WriteExit(ref writer);
        WriteValidation(ref writer);
        WriteFind(ref writer);
        WriteVectors(ref writer);
        _sharedEnd = Align(writer.At, 64);
        Forget();
    }

    /// <summary>Where a jump to an address in <c>rcx</c> goes, the address being looked up.</summary>
    public byte* Find { get; private set; }

    /// <summary>Where code goes to leave, the exit's number being in <c>rcx</c>.</summary>
    public byte* Exit { get; private set; }

    /// <summary>Where code goes to have the translation in <c>r10</c> checked against the TLB, and then there.</summary>
    public byte* Validate { get; private set; }

    /// <summary>Where code goes to have the vector registers, and back to <c>r10</c>; the exit's number if it cannot be is in <c>r11</c>.</summary>
    public byte* TakeVectors { get; private set; }

    /// <summary>What an exit's number and the jump table count from.</summary>
    public byte* Data => _data.Base;

    public byte* Code => _codeEnd;

    private bool IsExecutable { get; }

    /// <summary>Null where the host is not an x64 Linux with BMI2, or forbids executable memory.</summary>
    public static NativeCode? TryCreate()
    {
        if (!OperatingSystem.IsLinux() || !Bmi2.X64.IsSupported)
            return null;
        var made = new NativeCode();
        if (made.IsExecutable)
            return made;
        made.Dispose();
        return null;
    }

    /// <summary>Whether the host lets one be made.</summary>
    public static bool IsPossible()
    {
        using var made = TryCreate();
        return made != null;
    }

    public bool HasRoom(int code, int data) => _code.Base + CodeBytes - _codeEnd >= code && _data.Base + DataBytes - _dataEnd >= data;

    /// <summary>The address at which a written byte is executed.</summary>
    public byte* Executable(byte* written) => _code.Executable + (written - _code.Base);

    public void TakeCode(byte* end) => _codeEnd = Align(end, 16);

    public T* TakeData<T>(int count = 1) where T : unmanaged
    {
        var taken = (T*)_dataEnd;
        _dataEnd += (count * sizeof(T) + 7) & ~7;
        return taken;
    }

    public void AlignData() => _dataEnd = Align(_dataEnd, 64);

    /// <summary>Runs translated code until it comes back. The state's registers and flags are taken and given back.</summary>
    public ulong Enter(CpuState* s, byte* code)
        => ((delegate* unmanaged[Cdecl, SuppressGCTransition]<CpuState*, byte*, ulong>)_enter)(s, code);

    /// <summary>Makes a translation what jumps to its address find, under the present map tag.</summary>
    public void Remember(CpuState* s, NativeBlock* translation)
    {
        translation->NegativeTag = 0 - s->MapTag;
        ((uint*)_jumps.Base)[(ushort)translation->Rip] = (uint)((byte*)translation - Data);
    }

    /// <summary>Leads a link to a translation.</summary>
    public void Connect(NativeLink* link, NativeBlock* translation)
    {
        if (link->Crosses)
        {
            var end = CrossingCode.Write(link->Site, translation, Validate);
            NativeWriter.SetJump(end - 5, translation->WritableEntry);
        }
        else
            NativeWriter.SetJump(link->Site, translation->WritableEntry);
        link->Next = translation->Incoming;
        translation->Incoming = link;
    }

    /// <summary>Undoes all ways to a translation; whoever comes all the same leaves.</summary>
    public void Drop(NativeBlock* translation)
    {
        translation->Block.Dropped = true;
        for (var link = translation->Incoming; link != null; link = link->Next)
        {
            *link->Site = 0xe9;
            NativeWriter.SetJump(link->Site, link->Stub);
        }
        translation->Incoming = null;
        *translation->WritableEntry = 0xe9;
        NativeWriter.SetJump(translation->WritableEntry, translation->Stale);
    }

    /// <summary>Forgets everything.</summary>
    public void Forget()
    {
        _codeEnd = _sharedEnd;
        _dataEnd = _data.Base;
        new Span<uint>(_jumps.Base, JumpCount).Clear();
        // What the jump table's empty places lead to: it matches no tag and no page.
        var none = TakeData<NativeBlock>();
        *none = new NativeBlock { NegativeTag = 1ul << 63, Page = 1 };
        AlignData();
    }

    public void Dispose()
    {
        _code.Dispose();
        _data.Dispose();
        _jumps.Dispose();
    }

    public void Attach(CpuState* s)
    {
        s->NativeJumps = _jumps.Base;
        s->NativeData = _data.Base;
    }

    private static byte* Align(byte* place, int to) => (byte*)(((nuint)place + (nuint)to - 1) & ~((nuint)to - 1));

    private static int OffsetOfRegister(int guest) => guest * 8;

    private static ReadOnlySpan<byte> Saved => [Rbx, Rbp, R12, R13, R14, R15];

    private static ReadOnlySpan<byte> Framed => [9, 10, 11, 14, 15];

    /// <summary>The entry: rdi is the state, rsi the code to run.</summary>
    private void WriteEntry(ref NativeWriter writer)
    {
        _enter = Executable(writer.At);
        foreach (var register in Saved)
            writer.Push(register);
        writer.Move(Rax, Rsp);
        writer.Lea(Rsp, new NativeOperand(Rsp, -NativeFrame.Bytes));
        // and rsp, -64
        writer.Byte(0x48);
        writer.Byte(0x83);
        writer.Byte(0xe4);
        writer.Byte(0xc0);
        writer.Lea(Rsp, new NativeOperand(Rsp, FrameBias));
        writer.StoreFrame(HostStack, Rax);
        writer.StoreFrame(NativeFrame.State, Rdi);
        foreach (var guest in Framed)
            Copy(ref writer, PlaceOf(guest), OffsetOfRegister(guest));
        for (var i = 0; i < 3; i++)
            Copy(ref writer, SegmentBases + (8 * i), StateOffsets.SegmentBases + (8 * i));
        Copy(ref writer, NativeFrame.MapTag, StateOffsets.MapTag);
        Copy(ref writer, Jumps, StateOffsets.NativeJumps);
        Copy(ref writer, NativeFrame.Data, StateOffsets.NativeData);
        Copy(ref writer, VectorsRefused, StateOffsets.NativeVectorsRefused);
        Copy(ref writer, VectorsAway, StateOffsets.NativeVectorsAway);
        writer.StoreControl(new NativeOperand(Rsp, HostControl));
        writer.Move(Rcx, Rax);
        var away = writer.JumpIfZero();
        var begun = writer.At;
        writer.Load(Rax, new NativeOperand(Rdi, StateOffsets.Retired));
        writer.Not(Rax);
        writer.Lea(Rax, new NativeOperand(Rax, 1));
        writer.StoreFrame(Count, Rax);
        writer.Load(Tlb, new NativeOperand(Rdi, StateOffsets.Tlb));
        writer.Lea(Tlb, new NativeOperand(Tlb, TlbBias));
        writer.Move(Rcx, Rsi);
        writer.Load(Rax, new NativeOperand(Rdi, StateOffsets.NativeFlags));
        // add al, 7f; sahf
        writer.Byte(0x04);
        writer.Byte(0x7f);
        writer.Byte(0x9e);
        for (var guest = 0; guest < 16; guest++)
            if (HostOf(guest) >= 0 && guest != Rdi)
                writer.Load(HostOf(guest), new NativeOperand(Rdi, OffsetOfRegister(guest)));
        writer.Load(Rdi, new NativeOperand(Rdi, OffsetOfRegister(Rdi)));
        // jmp rcx
        writer.Byte(0xff);
        writer.Byte(0xe1);
        writer.Land(away);
        LoadVectors(ref writer, Rdi, Rax);
        writer.JumpTo(begun);

        static void Copy(ref NativeWriter writer, int place, int offset)
        {
            writer.Load(Rax, new NativeOperand(Rdi, offset));
            writer.StoreFrame(place, Rax);
        }
    }

    private void WriteExit(ref NativeWriter writer)
    {
        Exit = writer.At;
        writer.LoadFrame(R10, NativeFrame.State);
        writer.Move(R11, Rcx);
        writer.LoadFrame(Rcx, VectorsAway);
        writer.Store(new NativeOperand(R10, StateOffsets.NativeVectorsAway), Rcx);
        var away = writer.JumpIfZero();
        var stored = writer.At;
        writer.Move(Rcx, R11);
        writer.Store(new NativeOperand(R10, OffsetOfRegister(Rax)), Rax);
        // lahf; seto al; movzx eax, ax
        writer.Byte(0x9f);
        writer.Byte(0x0f);
        writer.Byte(0x90);
        writer.Byte(0xc0);
        writer.ZeroExtend16(Rax, Rax);
        writer.Store(new NativeOperand(R10, StateOffsets.NativeFlags), Rax);
        for (var guest = 1; guest < 16; guest++)
            if (HostOf(guest) >= 0)
                writer.Store(new NativeOperand(R10, OffsetOfRegister(guest)), HostOf(guest));
        foreach (var guest in Framed)
        {
            writer.LoadFrame(R11, PlaceOf(guest));
            writer.Store(new NativeOperand(R10, OffsetOfRegister(guest)), R11);
        }
        writer.LoadFrame(R11, Count);
        writer.Not(R11);
        writer.Lea(R11, new NativeOperand(R11, 1));
        writer.Store(new NativeOperand(R10, StateOffsets.Retired), R11);
        writer.Move(Rax, Rcx);
        writer.LoadFrame(Rsp, HostStack);
        for (var i = Saved.Length - 1; i >= 0; i--)
            writer.Pop(Saved[i]);
        writer.Byte(0xc3);
        writer.Land(away);
        writer.Load(Rcx, new NativeOperand(R10, StateOffsets.Guest));
        for (var i = 0; i < 16; i++)
            writer.StoreVector(new NativeOperand(Rcx, StateOffsets.Vectors + (16 * i)), i);
        writer.StoreControl(new NativeOperand(Rcx, StateOffsets.VectorControl));
        writer.LoadControl(new NativeOperand(Rsp, HostControl));
        writer.JumpTo(stored);
    }

    /// <summary>A translation whose tag is another one's: whether its page leads to its frame now is asked of the TLB.</summary>
    private void WriteValidation(ref NativeWriter writer)
    {
        Validate = writer.At;
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.TlbOffset));
        writer.Load(Rcx, new NativeOperand(Tlb, TlbEntry.FetchOffset - TlbBias, R11));
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.Page));
        writer.Lea(Rcx, new NativeOperand(Rcx, 0, R11));
        var otherPage = writer.JumpUnlessZero();
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.TlbOffset));
        writer.Load(Rcx, new NativeOperand(Tlb, TlbEntry.AddendOffset - TlbBias, R11));
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.NegativeAddend));
        writer.Lea(Rcx, new NativeOperand(Rcx, 0, R11));
        var otherFrame = writer.JumpUnlessZero();
        writer.LoadFrame(R11, NativeFrame.MapTag);
        writer.Not(R11);
        writer.Lea(R11, new NativeOperand(R11, 1));
        writer.Store(new NativeOperand(R10, NativeBlockOffsets.NegativeTag), R11);
        writer.JumpThrough(new NativeOperand(R10, NativeBlockOffsets.Entry));
        NativeWriter.SetJump(otherPage, writer.At);
        NativeWriter.SetJump(otherFrame, writer.At);
        writer.Load(Rcx, new NativeOperand(R10, NativeBlockOffsets.Rip));
        writer.StoreFrame(NativeFrame.Rip, Rcx);
        LeaveTo(ref writer, NativeExit.Indirect);
    }

    private void WriteFind(ref NativeWriter writer)
    {
        Find = writer.At;
        writer.StoreFrame(NativeFrame.Rip, Rcx);
        writer.LoadFrame(R10, NativeFrame.State);
        writer.Load(R10, new NativeOperand(R10, StateOffsets.Limit));
        writer.LoadFrame(R11, Count);
        writer.Lea(Rcx, new NativeOperand(R10, -1, R11));
        writer.ShiftRight(Rcx, Rcx, Tlb);
        var limit = writer.JumpUnlessZero();
        writer.LoadFrame(Rcx, NativeFrame.Rip);
        writer.ZeroExtend16(R10, Rcx);
        writer.LoadFrame(R11, Jumps);
        writer.Load32(R10, new NativeOperand(R11, 0, R10, 2));
        writer.LoadFrame(R11, NativeFrame.Data);
        writer.Lea(R10, new NativeOperand(R10, 0, R11));
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.NegativeRip));
        writer.Lea(Rcx, new NativeOperand(Rcx, 0, R11));
        var unknown = writer.JumpUnlessZero();
        writer.LoadFrame(Rcx, NativeFrame.MapTag);
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.NegativeTag));
        writer.Lea(Rcx, new NativeOperand(Rcx, 0, R11));
        NativeWriter.SetJump(writer.JumpUnlessZero(), Validate);
        writer.JumpThrough(new NativeOperand(R10, NativeBlockOffsets.Entry));
        NativeWriter.SetJump(unknown, writer.At);
        LeaveTo(ref writer, NativeExit.Indirect);
        NativeWriter.SetJump(limit, writer.At);
        LeaveTo(ref writer, NativeExit.IndirectLimit);
    }

    private void WriteVectors(ref NativeWriter writer)
    {
        TakeVectors = writer.At;
        writer.LoadFrame(Rcx, VectorsRefused);
        var refused = writer.JumpUnlessZero();
        writer.StoreFrame(VectorsAway, Rcx);
        writer.LoadFrame(Rcx, NativeFrame.State);
        LoadVectors(ref writer, Rcx, Rcx);
        // jmp r10
        writer.Byte(0x41);
        writer.Byte(0xff);
        writer.Byte(0xe2);
        NativeWriter.SetJump(refused, writer.At);
        writer.Move(Rcx, R11);
        writer.JumpTo(Exit);
    }

    private static void LoadVectors(ref NativeWriter writer, int state, int scratch)
    {
        writer.Load(scratch, new NativeOperand(state, StateOffsets.Guest));
        for (var i = 0; i < 16; i++)
            writer.LoadVector(i, new NativeOperand(scratch, StateOffsets.Vectors + (16 * i)));
        writer.LoadControl(new NativeOperand(scratch, StateOffsets.VectorControl));
    }

    private void LeaveTo(ref NativeWriter writer, NativeExit exit)
    {
        writer.LoadFrame(R10, NativeFrame.State);
        writer.LoadFrame(R11, NativeFrame.Rip);
        writer.Store(new NativeOperand(R10, StateOffsets.Rip), R11);
        writer.LoadFrame(R11, Site);
        writer.Store(new NativeOperand(R10, StateOffsets.NativeSite), R11);
        writer.MoveConstant(Rcx, (ulong)exit);
        writer.JumpTo(Exit);
    }
}

/// <summary>The jump along a link into another page: five bytes that lead to the link's stub until it is set, then the check.</summary>
// SAFETY: writes where a link's site was made, with the room that Bytes says.
internal static unsafe class CrossingCode
{
    /// <summary>Room for the whole.</summary>
    public const int Bytes = 48;

    /// <summary>Writes it for a translation. The last five bytes are the jump to its code.</summary>
    public static byte* Write(byte* site, NativeBlock* translation, byte* validate)
    {
        var writer = new NativeWriter(site + 5);
        writer.MoveWide(R10, (ulong)translation);
        writer.LoadFrame(Rcx, NativeFrame.MapTag);
        writer.Load(R11, new NativeOperand(R10, NativeBlockOffsets.NegativeTag));
        writer.Lea(Rcx, new NativeOperand(Rcx, 0, R11));
        NativeWriter.SetJump(writer.JumpUnlessZero(), validate);
        writer.Jump();
        // A five-byte nop opens the way.
        *site = 0x0f;
        site[1] = 0x1f;
        site[2] = 0x44;
        *(ushort*)(site + 3) = 0;
        return writer.At;
    }
}
