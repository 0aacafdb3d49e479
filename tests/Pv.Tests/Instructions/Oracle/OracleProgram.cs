using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pv.Tests.Instructions.Oracle.ElfExecutable;

namespace Pv.Tests.Instructions.Oracle;

/// <summary>
/// The program that runs rows on the processor itself. All of its life is one signal handler: it is entered by the signal that ends a
/// row, writes down the registers that the kernel saved and the memory words that changed, puts the next row's registers into the same
/// signal frame, and returns from the signal into that row. So every row starts with exact registers and flags, and every end, be it
/// the int3 behind the code or a wild jump, is a result.
/// </summary>
/// <remarks>
/// The kernel is told to turn every system call that is not the program's own into SIGSYS (syscall user dispatch, Linux 5.11), so that
/// <c>syscall</c> can stand in a row.
/// Standard input: batches of a length word and that many bytes of rows (<see cref="OracleWire"/>). Standard output: results in order.
/// </remarks>
internal static class OracleProgram
{
    /// <summary>Where the program keeps its own: far from all addresses that a row would think of. rbp holds it in all of the program.</summary>
    private const ulong Own = 0x3a5d_1c00_0000;

    // Offsets from there.
    private const int Text = 0, Shadow = 0x10_0000, Pristine = 0x20_0000, Variables = 0x30_0000, Input = 0x40_0000, Output = 0x60_0000,
        CodeAlias = 0x80_0000, SignalStack = 0x90_0000;
    private const int TextBytes = 4096, InputBytes = OracleWire.BatchBytes, OutputBytes = 1 << 20, SignalStackBytes = 1 << 16;
    private const int InputNext = Variables, InputEnd = InputNext + 8, OutputNext = InputNext + 16, Row = InputNext + 24,
        Started = InputNext + 32, Scratch = InputNext + 64;

    // Offsets in struct ucontext and in its sigcontext (Linux UAPI, asm/ucontext.h and asm/sigcontext.h).
    private const int SavedRegisters = 40, SavedSegments = SavedRegisters + 18 * 8, SavedFpState = SavedRegisters + 23 * 8;

    private const int SysRead = 0, SysWrite = 1, SysMmap = 9, SysRtSigaction = 13, SysRtSigreturn = 15, SysExit = 60, SysFtruncate = 77,
        SysSigaltstack = 131, SysPrctl = 157, SysArchPrctl = 158, SysMemfdCreate = 319;
    private const int PrctlSetSyscallUserDispatch = 59, ArchSetGs = 0x1001, ArchSetFs = 0x1002, ArchGetFs = 0x1003, ArchGetGs = 0x1004;
    private const int SaSiginfo = 4, SaRestorer = 0x0400_0000, SaOnStack = 0x0800_0000, SaNoDefer = 0x4000_0000;
    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4, MapShared = 1, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20;
    private static readonly int[] Signals = [4, 5, 7, 8, 11, 31];

    public static byte[] Build()
    {
        var assembler = new Assembler(64);
        Start(assembler, out var handler);
        Handler(assembler, handler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Own + Text);
        if (stream.Length > TextBytes)
            throw new InvalidOperationException("The oracle's program outgrew its page.");

        var elf = new ElfExecutable(Own + Text);
        elf.AddSegment(Own + Text, SegmentAccess.Read | SegmentAccess.Execute, elf.AddContent(stream.ToArray()));
        elf.AddSegment(Own + Pristine, SegmentAccess.Read, elf.AddContent(Arena.Image));
        foreach (var region in Arena.Writable)
            elf.AddSegment(region.Address, SegmentAccess.Read | SegmentAccess.Write | (region.Executable ? SegmentAccess.Execute : 0),
                elf.AddContent(Arena.Image.AsSpan(region.Offset, region.Bytes).ToArray()));
        elf.AddSegment(Arena.ReadOnly, SegmentAccess.Read, elf.AddContent(Arena.Image.AsSpan(Arena.ReadOnlyOffset).ToArray()));
        return elf.ToBytes();
    }

    private static void Start(Assembler a, out Label handler)
    {
        handler = a.CreateLabel();
        a.mov(rbp, Own);
        Map(a, Own + Variables, Arena.PageBytes);
        Map(a, Own + Input, InputBytes);
        Map(a, Own + Output, OutputBytes);
        Map(a, Own + Shadow, Arena.WritableBytes);
        Map(a, Own + SignalStack, SignalStackBytes);

        // The rows' code: one file seen twice, so that rows can run it and never write it.
        a.lea(rdi, __[rbp + Variables]);
        a.xor(esi, esi);
        Call(a, SysMemfdCreate);
        a.mov(r8, rax);
        a.mov(rdi, rax);
        a.mov(esi, Arena.CodeBytes);
        Call(a, SysFtruncate);
        Map(a, Own + CodeAlias, Arena.CodeBytes, ProtRead | ProtWrite, shared: true);
        Map(a, Arena.Code, Arena.CodeBytes, ProtRead | ProtExec, shared: true);

        a.lea(rsi, __[rbp + Pristine]);
        a.lea(rdi, __[rbp + Shadow]);
        a.mov(ecx, Arena.WritableBytes / 8);
        a.rep.movsq();

        TouchPages(a);
        a.lea(rax, __[rbp + SignalStack]);
        a.mov(__qword_ptr[rbp + Scratch], rax);
        a.mov(__dword_ptr[rbp + (Scratch + 8)], 0);
        a.mov(__qword_ptr[rbp + (Scratch + 16)], SignalStackBytes);
        a.lea(rdi, __[rbp + Scratch]);
        a.xor(esi, esi);
        Call(a, SysSigaltstack);

        a.lea(rax, __[handler]);
        a.mov(__qword_ptr[rbp + Scratch], rax);
        a.mov(__qword_ptr[rbp + (Scratch + 8)], SaSiginfo | SaRestorer | SaOnStack | SaNoDefer);
        a.mov(__qword_ptr[rbp + (Scratch + 16)], rax); // The restorer is never returned to.
        a.mov(__qword_ptr[rbp + (Scratch + 24)], 0);
        foreach (var signal in Signals)
        {
            a.mov(edi, signal);
            a.lea(rsi, __[rbp + Scratch]);
            a.xor(edx, edx);
            a.mov(r10d, 8);
            Call(a, SysRtSigaction);
        }

        a.mov(edi, PrctlSetSyscallUserDispatch);
        a.mov(esi, 1);
        a.lea(rdx, __[rbp + Text]);
        a.mov(r10d, TextBytes);
        a.xor(r8d, r8d);
        Call(a, SysPrctl);
        // The first word of all that is said: whether system calls are caught (0) or not (an errno).
        a.mov(__qword_ptr[rbp + Output], rax);
        a.lea(rax, __[rbp + Output + 8]);
        a.mov(__qword_ptr[rbp + OutputNext], rax);
        a.int3();
    }

    /// <summary>Has the kernel fill every page's table entry, so that a fault's <c>present</c> bit speaks of the page and not of laziness.</summary>
    private static void TouchPages(Assembler a)
    {
        foreach (var region in Arena.Writable)
        {
            for (var at = 0; at < region.Bytes; at += Arena.PageBytes)
            {
                a.mov(rax, region.Address + (ulong)at);
                a.@lock.add(__dword_ptr[rax], 0);
            }
        }
        a.mov(eax, __dword_ptr[(long)Arena.ReadOnly]);
        for (var at = 0; at < Arena.CodeBytes; at += Arena.PageBytes)
            a.mov(eax, __dword_ptr[(long)Arena.Code + at]);
    }

    /// <summary>Entered with edi = signal, rsi = siginfo, rdx = ucontext, on the signal stack.</summary>
    private static void Handler(Assembler a, Label handler)
    {
        var next = a.CreateLabel();
        Place(a, ref handler);
        // Flags of the row that the kernel leaves set (AC above all) must not disturb us.
        a.push(2);
        a.popfq();
        a.mov(rbp, Own);
        a.mov(rbx, rdx);
        a.mov(r12d, edi);
        a.cmp(__dword_ptr[rbp + Started], 0);
        a.mov(__dword_ptr[rbp + Started], 1);
        a.je(next);
        WriteResult(a);
        Place(a, ref next);
        ReadRow(a);
        a.mov(rsp, rbx);
        a.mov(eax, SysRtSigreturn);
        a.syscall();
    }

    private static void WriteResult(Assembler a)
    {
        a.mov(rdi, __qword_ptr[rbp + OutputNext]);
        a.mov(r13, rdi);
        a.mov(rax, r12);
        a.stosq();
        a.lea(rsi, __[rbx + SavedRegisters]);
        a.mov(ecx, OracleWire.SavedWords);
        a.rep.movsq();
        a.mov(edi, ArchGetFs);
        a.lea(rsi, __[r13 + OracleWire.FsBase]);
        Call(a, SysArchPrctl);
        a.mov(edi, ArchGetGs);
        a.lea(rsi, __[r13 + OracleWire.GsBase]);
        Call(a, SysArchPrctl);
        a.mov(__word_ptr[r13 + OracleWire.Segments], ds);
        a.mov(__word_ptr[r13 + OracleWire.Segments + 2], es);
        a.mov(__word_ptr[r13 + OracleWire.Segments + 4], fs);
        a.mov(__word_ptr[r13 + OracleWire.Segments + 6], gs);
        a.xor(eax, eax);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.mov(fs, eax);
        a.mov(gs, eax);

        a.lea(rdi, __[r13 + OracleWire.ResultBytes]);
        foreach (var region in Arena.Writable)
            WriteDifferences(a, region);
        a.mov(rax, rdi);
        a.sub(rax, r13);
        a.sub(rax, OracleWire.ResultBytes);
        a.shr(rax, 4);
        a.mov(__qword_ptr[r13 + OracleWire.DifferenceCount], rax);
        SaveVectors(a);
        a.mov(__qword_ptr[rbp + OutputNext], rdi);
        UndoPatches(a);

        var room = a.CreateLabel();
        a.lea(rax, __[rbp + Output + OutputBytes - OracleWire.LargestResult]);
        a.cmp(rdi, rax);
        a.jb(room);
        Flush(a);
        Place(a, ref room);
    }

    /// <summary>Writes address and value of every word that differs from the shadow, and puts the shadow's word back.</summary>
    private static void WriteDifferences(Assembler a, Arena.Region region)
    {
        Label loop = a.CreateLabel(), same = a.CreateLabel();
        a.mov(rsi, region.Address);
        a.lea(rdx, __[rbp + Shadow + region.Offset]);
        a.mov(ecx, region.Bytes / 8);
        Place(a, ref loop);
        a.mov(rax, __qword_ptr[rsi]);
        a.mov(r8, __qword_ptr[rdx]);
        a.cmp(rax, r8);
        a.je(same);
        a.mov(__qword_ptr[rdi], rsi);
        a.mov(__qword_ptr[rdi + 8], rax);
        a.add(rdi, 16);
        a.mov(__qword_ptr[rsi], r8);
        Place(a, ref same);
        a.add(rsi, 8);
        a.add(rdx, 8);
        a.dec(ecx);
        a.jnz(loop);
    }

    private static void UndoPatches(Assembler a)
        => EachPatch(a, () =>
        {
            a.mov(rax, __qword_ptr[rbp + rdx + Pristine]);
            a.mov(__qword_ptr[rcx], rax);
            a.mov(__qword_ptr[rbp + rdx + Shadow], rax);
        });

    /// <summary>Runs over the row's patches with rcx = the live address and rdx = the offset in the image; leaves r14 behind them.</summary>
    private static void EachPatch(Assembler a, Action body)
    {
        Label loop = a.CreateLabel(), done = a.CreateLabel();
        a.mov(r14, __qword_ptr[rbp + Row]);
        a.mov(r15, __qword_ptr[r14 + OracleWire.PatchCount]);
        a.mov(rax, __qword_ptr[r14 + OracleWire.CodeLength]);
        a.lea(r14, __[r14 + rax + (OracleWire.RowBytes + 7)]);
        a.and(r14, -8);
        Place(a, ref loop);
        a.dec(r15);
        a.js(done);
        a.mov(rcx, __qword_ptr[r14]);
        a.mov(rdx, __qword_ptr[r14 + 8]);
        body();
        a.add(r14, OracleWire.PatchBytes);
        a.jmp(loop);
        Place(a, ref done);
    }

    private static void ReadRow(Assembler a)
    {
        Label have = a.CreateLabel(), sameCode = a.CreateLabel(), again = a.CreateLabel();
        Place(a, ref again);
        a.mov(rax, __qword_ptr[rbp + InputNext]);
        a.cmp(rax, __qword_ptr[rbp + InputEnd]);
        a.jne(have);
        Flush(a);
        ReadBatch(a);
        a.jmp(again);
        Place(a, ref have);
        a.mov(r13, __qword_ptr[rbp + InputNext]);
        a.mov(__qword_ptr[rbp + Row], r13);

        a.mov(rsi, r13);
        a.lea(rdi, __[rbx + SavedRegisters]);
        a.mov(ecx, 18);
        a.rep.movsq();
        a.mov(__word_ptr[rbx + SavedSegments], 0x33);
        a.mov(__word_ptr[rbx + SavedSegments + 6], 0x2b);

        a.mov(edi, ArchSetFs);
        a.mov(rsi, __qword_ptr[r13 + OracleWire.RowFsBase]);
        Call(a, SysArchPrctl);
        a.mov(edi, ArchSetGs);
        a.mov(rsi, __qword_ptr[r13 + OracleWire.RowGsBase]);
        Call(a, SysArchPrctl);

        a.cmp(__qword_ptr[r13 + OracleWire.CodeLength], 0);
        a.je(sameCode);
        a.lea(rdi, __[rbp + CodeAlias]);
        a.mov(ecx, Arena.CodeBytes);
        a.mov(eax, 0xcc);
        a.rep.stosb();
        a.lea(rsi, __[r13 + OracleWire.RowBytes]);
        a.lea(rdi, __[rbp + CodeAlias]);
        a.add(rdi, __qword_ptr[r13 + OracleWire.CodeOffset]);
        a.mov(rcx, __qword_ptr[r13 + OracleWire.CodeLength]);
        a.rep.movsb();
        Place(a, ref sameCode);
        EachPatch(a, () =>
        {
            a.mov(rax, __qword_ptr[r14 + 16]);
            a.mov(__qword_ptr[rcx], rax);
            a.mov(__qword_ptr[rbp + rdx + Shadow], rax);
        });
        LoadVectors(a);
        a.mov(__qword_ptr[rbp + InputNext], r14);
    }

    /// <summary>Puts the row's FXSAVE image behind r14, if any, into the signal frame; without one the kernel resets the units.</summary>
    private static void LoadVectors(Assembler a)
    {
        Label none = a.CreateLabel(), done = a.CreateLabel();
        a.cmp(__qword_ptr[r13 + OracleWire.VectorBytes], 0);
        a.je(none);
        a.mov(rsi, r14);
        a.mov(rdi, __qword_ptr[rbx + SavedFpState]);
        a.mov(ecx, VectorForms.ImageBytes / 8);
        a.rep.movsq();
        a.mov(r14, rsi);
        a.jmp(done);
        Place(a, ref none);
        a.mov(__qword_ptr[rbx + SavedFpState], 0);
        Place(a, ref done);
    }

    /// <summary>Writes the FXSAVE image at rdi, when the row had one.</summary>
    private static void SaveVectors(Assembler a)
    {
        var none = a.CreateLabel();
        a.mov(rsi, __qword_ptr[rbp + Row]);
        a.cmp(__qword_ptr[rsi + OracleWire.VectorBytes], 0);
        a.je(none);
        a.mov(rsi, __qword_ptr[rbx + SavedFpState]);
        a.mov(ecx, VectorForms.ImageBytes / 8);
        a.rep.movsq();
        Place(a, ref none);
    }

    private static void ReadBatch(Assembler a)
    {
        Label exit = a.CreateLabel(), go = a.CreateLabel();
        a.lea(r14, __[rbp + Scratch]);
        a.mov(r15d, 8);
        Transfer(a, SysRead, 0, exit);
        a.lea(r14, __[rbp + Input]);
        a.mov(__qword_ptr[rbp + InputNext], r14);
        a.mov(r15, __qword_ptr[rbp + Scratch]);
        a.lea(rax, __[r14 + r15]);
        a.mov(__qword_ptr[rbp + InputEnd], rax);
        Transfer(a, SysRead, 0, exit);
        a.jmp(go);
        Place(a, ref exit);
        a.xor(edi, edi);
        Call(a, SysExit);
        Place(a, ref go);
    }

    private static void Flush(Assembler a)
    {
        Label exit = a.CreateLabel(), done = a.CreateLabel();
        a.lea(r14, __[rbp + Output]);
        a.mov(r15, __qword_ptr[rbp + OutputNext]);
        a.sub(r15, r14);
        Transfer(a, SysWrite, 1, exit);
        a.lea(rax, __[rbp + Output]);
        a.mov(__qword_ptr[rbp + OutputNext], rax);
        a.jmp(done);
        Place(a, ref exit);
        a.mov(edi, 1);
        Call(a, SysExit);
        Place(a, ref done);
    }

    /// <summary>Reads or writes r15 bytes at r14, all of them; the end of the stream or an error goes to <paramref name="end"/>.</summary>
    private static void Transfer(Assembler a, int call, int descriptor, Label end)
    {
        Label loop = a.CreateLabel(), done = a.CreateLabel();
        Place(a, ref loop);
        a.test(r15, r15);
        a.jz(done);
        a.mov(edi, descriptor);
        a.mov(rsi, r14);
        a.mov(rdx, r15);
        Call(a, call);
        a.test(rax, rax);
        a.jle(end);
        a.add(r14, rax);
        a.sub(r15, rax);
        a.jmp(loop);
        Place(a, ref done);
    }

    private static void Map(Assembler a, ulong address, int bytes, int access = ProtRead | ProtWrite, bool shared = false)
    {
        a.mov(rdi, address);
        a.mov(esi, bytes);
        a.mov(edx, access);
        a.mov(r10d, MapFixed | (shared ? MapShared : MapPrivate | MapAnonymous));
        if (!shared)
            a.mov(r8, -1);
        a.xor(r9d, r9d);
        Call(a, SysMmap);
    }

    /// <summary>A label with an instruction of its own: the assembler gives an instruction one label at most.</summary>
    private static void Place(Assembler a, ref Label label)
    {
        a.Label(ref label);
        a.nop();
    }

    private static void Call(Assembler a, int number)
    {
        a.mov(eax, number);
        a.syscall();
    }
}
