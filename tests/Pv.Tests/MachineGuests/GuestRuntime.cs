using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using V = Pv.Tests.MachineGuests.GuestVariables;

namespace Pv.Tests.MachineGuests;

/// <summary>The routines that every machine-code guest carries, assembled once, and their addresses.</summary>
internal sealed class GuestRuntime
{
    /// <summary>The pseudo vectors of the callbacks, beside the processor's own and the software vectors.</summary>
    public const uint SyscallVector = 0x100, EventVector = 0x101, FailsafeVector = 0x102, OtherSyscallVector = 0x103;

    /// <summary>Software vectors with stubs, beside the first 20.</summary>
    public const int FirstSoftwareVector = 0x80, SoftwareVectors = 8;

    private readonly Dictionary<uint, ulong> _stubs = [];

    private GuestRuntime() => Code = Assemble();

    public static GuestRuntime Instance { get; } = new();

    public byte[] Code { get; }

    /// <summary>Appends the row (<c>Name</c>, <c>Value</c>); keeps every register and flag.</summary>
    public ulong Record { get; private set; }

    /// <summary>Prints the rows that are not printed yet, unless the guest was told to be quiet.</summary>
    public ulong Flush { get; private set; }

    /// <summary>Prints and powers off.</summary>
    public ulong Finish { get; private set; }

    /// <summary>
    /// Walks the tables from <c>TableBase</c>: rdi = linear address, rsi = level 1..4. Returns rax = machine address of the entry,
    /// rdx = its linear address. Clobbers rcx, r8, r9.
    /// </summary>
    public ulong Walk { get; private set; }

    /// <summary>The trap or callback handler of a vector: notes the frame, then <c>Hook</c> or <c>ResumeRip</c>.</summary>
    public ulong Stub(uint vector) => _stubs[vector];

    private byte[] Assemble()
    {
        var a = new Assembler(64);
        var record = a.CreateLabel();
        var flush = a.CreateLabel();
        var finish = a.CreateLabel();
        var walk = a.CreateLabel();
        EmitStart(a, finish);
        EmitFinish(a, ref finish, flush);
        EmitRecord(a, ref record);
        EmitWalk(a, ref walk);
        EmitFlush(a, ref flush);
        var stubs = EmitStubs(a);

        var stream = new MemoryStream();
        var result = a.Assemble(new StreamCodeWriter(stream), GuestLayout.Runtime, BlockEncoderOptions.ReturnNewInstructionOffsets);
        Record = result.GetLabelRIP(record);
        Flush = result.GetLabelRIP(flush);
        Finish = result.GetLabelRIP(finish);
        Walk = result.GetLabelRIP(walk);
        foreach (var (vector, label) in stubs)
            _stubs[vector] = result.GetLabelRIP(label);
        return stream.ToArray();
    }

    private static void EmitStart(Assembler a, Label finish)
    {
        a.cld();
        a.mov(__qword_ptr[V.EntryRsp], rsp);
        // The other registers are zero at the start; their sum of bits proves it in one row.
        a.or(rax, rbx);
        foreach (var register in new[] { rcx, rdx, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15 })
            a.or(rax, register);
        a.mov(__qword_ptr[V.EntryOther], rax);
        a.mov(__qword_ptr[V.StartInfo], rsi);
        a.mov(rsp, GuestLayout.StackTop);
        a.pushfq();
        a.pop(__qword_ptr[V.EntryFlags]);
        foreach (var (selector, home) in new[]
        {
            (cs, V.EntryCs), (ss, V.EntrySs), (ds, V.EntryDs), (es, V.EntryEs), (fs, V.EntryFs), (gs, V.EntryGs),
        })
        {
            a.mov(eax, selector);
            a.mov(__qword_ptr[home], rax);
        }

        a.mov(rax, __qword_ptr[rsi + StartInfoOffset.MfnList]);
        a.mov(__qword_ptr[V.P2m], rax);
        a.mov(rax, __qword_ptr[rsi + StartInfoOffset.PtBase]);
        a.mov(__qword_ptr[V.TableBase], rax);
        a.mov(eax, __dword_ptr[rsi + StartInfoOffset.ConsolePort]);
        a.mov(__qword_ptr[V.ConsolePort], rax);
        a.movzx(eax, __byte_ptr[rsi + StartInfoOffset.CommandLine]);
        a.mov(__qword_ptr[V.Quiet], rax);
        a.mov(rax, __qword_ptr[rsi + StartInfoOffset.ConsoleMfn]);
        a.mov(rdx, GuestLayout.MachineToPhysical);
        a.mov(rax, __qword_ptr[rdx + rax * 8]);
        a.shl(rax, 12);
        a.add(rax, unchecked((int)GuestLayout.Base));
        a.mov(__qword_ptr[V.ConsoleRing], rax);

        a.mov(rdi, GuestLayout.SharedInfo);
        a.mov(rsi, __qword_ptr[rsi + StartInfoOffset.SharedInfo]);
        a.or(rsi, 0x63);
        a.mov(edx, 2);
        a.mov(eax, (uint)XenCall.UpdateVaMapping);
        a.syscall();
        // Nothing that the daemons say may come as an upcall: guests open the mask as they need it.
        a.mov(rax, __qword_ptr[V.ConsolePort]);
        a.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rax);
        a.mov(rax, __qword_ptr[V.StartInfo]);
        a.mov(eax, __dword_ptr[rax + StartInfoOffset.StorePort]);
        a.bts(__qword_ptr[GuestLayout.SharedInfo + SharedInfoOffset.EventMask], rax);
        a.call(GuestLayout.Body);
        a.jmp(finish);
    }

    private static void EmitFinish(Assembler a, ref Label finish, Label flush)
    {
        a.Label(ref finish);
        a.call(flush);
        a.mov(__dword_ptr[V.Scratch], 0);
        a.mov(edi, 2);
        a.mov(rsi, V.Scratch);
        a.mov(eax, (uint)XenCall.SchedOp);
        a.syscall();
        a.ud2();
    }

    private static void EmitRecord(Assembler a, ref Label record)
    {
        var full = a.CreateLabel();
        a.Label(ref record);
        a.pushfq();
        a.push(rax);
        a.push(rcx);
        a.mov(rcx, __qword_ptr[V.RowCount]);
        a.cmp(rcx, (int)GuestLayout.RowLimit);
        a.jae(full);
        a.shl(rcx, 4);
        a.mov(rax, __qword_ptr[V.Name]);
        a.mov(__qword_ptr[rcx + unchecked((int)GuestLayout.Rows)], rax);
        a.mov(rax, __qword_ptr[V.Value]);
        a.mov(__qword_ptr[rcx + unchecked((int)(GuestLayout.Rows + 8))], rax);
        a.inc(__qword_ptr[V.RowCount]);
        a.Label(ref full);
        a.pop(rcx);
        a.pop(rax);
        a.popfq();
        a.ret();
    }

    private static void EmitWalk(Assembler a, ref Label walk)
    {
        var next = a.CreateLabel();
        var found = a.CreateLabel();
        a.Label(ref walk);
        a.mov(r8, __qword_ptr[V.TableBase]);
        a.mov(ecx, 39);
        a.mov(r9d, 4);
        a.Label(ref next);
        a.mov(rax, rdi);
        a.shr(rax, cl);
        a.and(eax, 511);
        a.lea(rdx, __[r8 + rax * 8]);
        a.cmp(r9, rsi);
        a.je(found);
        a.mov(rax, __qword_ptr[rdx]);
        a.shl(rax, 12);
        a.shr(rax, 24);
        a.mov(r8, GuestLayout.MachineToPhysical);
        a.mov(r8, __qword_ptr[r8 + rax * 8]);
        a.shl(r8, 12);
        a.add(r8, unchecked((int)GuestLayout.Base));
        a.sub(ecx, 9);
        a.dec(r9d);
        a.jmp(next);
        a.Label(ref found);
        a.mov(rax, rdx);
        a.sub(rax, unchecked((int)GuestLayout.Base));
        a.shr(rax, 12);
        a.mov(rcx, __qword_ptr[V.P2m]);
        a.mov(rax, __qword_ptr[rcx + rax * 8]);
        a.shl(rax, 12);
        a.mov(rcx, rdx);
        a.and(ecx, 0xfff);
        a.or(rax, rcx);
        a.ret();
    }

    /// <summary>Prints <c>name=value</c> lines; keeps all registers but not flags. Waits until the daemon took all of it.</summary>
    private static void EmitFlush(Assembler a, ref Label flush)
    {
        var kept = new[] { rax, rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13 };
        var (put, send, done) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        var (row, name, hex, digit, letter, drain) =
            (a.CreateLabel(), a.CreateLabel(), a.CreateLabel(), a.CreateLabel(), a.CreateLabel(), a.CreateLabel());

        a.Label(ref flush);
        foreach (var register in kept)
            a.push(register);
        a.cmp(__qword_ptr[V.Quiet], 0);
        a.jne(done);
        a.mov(rbx, __qword_ptr[V.ConsoleRing]);

        a.Label(ref row);
        a.mov(r12, __qword_ptr[V.PrintedRows]);
        a.cmp(r12, __qword_ptr[V.RowCount]);
        a.je(drain);
        a.inc(__qword_ptr[V.PrintedRows]);
        a.shl(r12, 4);
        a.add(r12, unchecked((int)GuestLayout.Rows));
        a.mov(r13, __qword_ptr[r12]);
        a.Label(ref name);
        a.movzx(edx, __byte_ptr[r13]);
        a.inc(r13);
        a.test(edx, edx);
        a.je(digit);
        a.call(put);
        a.jmp(name);
        a.Label(ref digit);
        a.mov(edx, '=');
        a.call(put);
        a.mov(r13d, 60);
        a.Label(ref hex);
        a.mov(rdx, __qword_ptr[r12 + 8]);
        a.mov(ecx, r13d);
        a.shr(rdx, cl);
        a.and(edx, 15);
        a.add(edx, '0');
        a.cmp(edx, '9');
        a.jbe(letter);
        a.add(edx, 'a' - '9' - 1);
        a.Label(ref letter);
        a.call(put);
        a.sub(r13d, 4);
        a.jns(hex);
        a.mov(edx, '\n');
        a.call(put);
        a.jmp(row);

        a.Label(ref drain);
        a.call(send);
        a.mov(eax, __dword_ptr[rbx + ConsoleRingOffset.OutProd]);
        a.cmp(eax, __dword_ptr[rbx + ConsoleRingOffset.OutCons]);
        a.jne(drain);
        a.Label(ref done);
        foreach (var register in kept.Reverse())
            a.pop(register);
        a.ret();

        EmitPut(a, ref put, send);
        EmitSend(a, ref send);
    }

    /// <summary>Puts the byte in dl into the console ring at rbx; waits while it is full.</summary>
    private static void EmitPut(Assembler a, ref Label put, Label send)
    {
        var room = a.CreateLabel();
        a.Label(ref put);
        a.mov(eax, __dword_ptr[rbx + ConsoleRingOffset.OutProd]);
        a.mov(ecx, eax);
        a.sub(ecx, __dword_ptr[rbx + ConsoleRingOffset.OutCons]);
        a.cmp(ecx, ConsoleRingOffset.OutSize);
        a.jb(room);
        a.push(rdx);
        a.call(send);
        a.pop(rdx);
        a.jmp(put);
        a.Label(ref room);
        a.mov(ecx, eax);
        a.and(ecx, ConsoleRingOffset.OutSize - 1);
        a.mov(__byte_ptr[rbx + rcx + ConsoleRingOffset.Out], dl);
        a.inc(eax);
        a.mov(__dword_ptr[rbx + ConsoleRingOffset.OutProd], eax);
        a.ret();
    }

    /// <summary>Notifies the console daemon and gives the processor away.</summary>
    private static void EmitSend(Assembler a, ref Label send)
    {
        a.Label(ref send);
        a.mov(edi, 4);
        a.mov(rsi, V.ConsolePort);
        a.mov(eax, (uint)XenCall.EventChannelOp);
        a.syscall();
        a.xor(edi, edi);
        a.xor(esi, esi);
        a.mov(eax, (uint)XenCall.SchedOp);
        a.syscall();
        a.ret();
    }

    private static List<(uint Vector, Label Label)> EmitStubs(Assembler a)
    {
        var stubs = new List<(uint, Label)>();
        var (plain, withError, failsafe, common) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        var vectors = Enumerable.Range(0, 20).Concat(Enumerable.Range(FirstSoftwareVector, SoftwareVectors)).Select(vector => (uint)vector)
            .Concat([SyscallVector, EventVector, FailsafeVector, OtherSyscallVector]);
        foreach (var vector in vectors)
        {
            var stub = a.CreateLabel();
            a.Label(ref stub);
            a.mov(__qword_ptr[V.Vector], (int)vector);
            a.jmp(vector == FailsafeVector ? failsafe : HasErrorCode(vector) ? withError : plain);
            stubs.Add((vector, stub));
        }

        a.Label(ref withError);
        EmitNoteHandler(a);
        EmitNoteFrame(a, hasError: true, skip: 0);
        a.jmp(common);
        a.Label(ref failsafe);
        EmitNoteHandler(a);
        foreach (var (offset, home) in new[] { (16, V.FailsafeDs), (24, V.FailsafeEs), (32, V.FailsafeFs), (40, V.FailsafeGs) })
        {
            a.mov(rax, __qword_ptr[rsp + offset]);
            a.mov(__qword_ptr[home], rax);
        }

        EmitNoteFrame(a, hasError: false, skip: 32);
        a.jmp(common);
        a.Label(ref plain);
        EmitNoteHandler(a);
        EmitNoteFrame(a, hasError: false, skip: 0);

        var hooked = a.CreateLabel();
        a.Label(ref common);
        a.mov(rcx, __qword_ptr[V.FrameRcx]);
        a.mov(r11, __qword_ptr[V.FrameR11]);
        a.inc(__qword_ptr[V.Count]);
        a.cmp(__qword_ptr[V.Hook], 0);
        a.jne(hooked);
        a.mov(rax, __qword_ptr[V.HandlerRax]);
        a.mov(rsp, __qword_ptr[V.ResumeRsp]);
        a.jmp(__qword_ptr[V.ResumeRip]);
        a.Label(ref hooked);
        a.mov(rax, __qword_ptr[V.HandlerRax]);
        a.jmp(__qword_ptr[V.Hook]);
        return stubs;
    }

    private static void EmitNoteHandler(Assembler a)
    {
        a.mov(__qword_ptr[V.HandlerRax], rax);
        a.mov(__qword_ptr[V.HandlerRcx], rcx);
        a.mov(__qword_ptr[V.HandlerR11], r11);
        a.mov(__qword_ptr[V.HandlerRsp], rsp);
        a.pushfq();
        a.pop(__qword_ptr[V.HandlerFlags]);
        a.mov(eax, cs);
        a.mov(__qword_ptr[V.HandlerCs], rax);
        a.mov(eax, ss);
        a.mov(__qword_ptr[V.HandlerSs], rax);
        a.movzx(eax, __byte_ptr[GuestLayout.SharedInfo + SharedInfoOffset.UpcallMask]);
        a.mov(__qword_ptr[V.HandlerMask], rax);
    }

    private static void EmitNoteFrame(Assembler a, bool hasError, int skip)
    {
        a.mov(rax, __qword_ptr[rsp]);
        a.mov(__qword_ptr[V.FrameRcx], rax);
        a.mov(rax, __qword_ptr[rsp + 8]);
        a.mov(__qword_ptr[V.FrameR11], rax);
        var offset = 16 + skip;
        if (hasError)
        {
            a.mov(rax, __qword_ptr[rsp + offset]);
            offset += 8;
        }
        else
        {
            a.mov(eax, 0);
        }

        a.mov(__qword_ptr[V.FrameError], rax);
        foreach (var home in new[] { V.FrameRip, V.FrameCs, V.FrameFlags, V.FrameRsp, V.FrameSs })
        {
            a.mov(rax, __qword_ptr[rsp + offset]);
            a.mov(__qword_ptr[home], rax);
            offset += 8;
        }
    }

    private static bool HasErrorCode(uint vector) => vector is 8 or (>= 10 and <= 14) or 17;
}

/// <summary>Byte offsets in <c>struct start_info</c>.</summary>
internal static class StartInfoOffset
{
    public const int NrPages = 32, SharedInfo = 40, Flags = 48, StoreMfn = 56, StorePort = 64, ConsoleMfn = 72, ConsolePort = 80, PtBase = 88,
        NrPtFrames = 96, MfnList = 104, ModStart = 112, ModLength = 120, CommandLine = 128, FirstP2mPfn = 1152, NrP2mFrames = 1160;
}

/// <summary>Byte offsets in <c>struct xencons_interface</c>.</summary>
internal static class ConsoleRingOffset
{
    public const int Out = 1024, OutSize = 2048, OutCons = 3080, OutProd = 3084;
}

/// <summary>Byte offsets in <c>struct shared_info</c> (its first <c>vcpu_info</c> is at 0).</summary>
internal static class SharedInfoOffset
{
    public const int UpcallPending = 0, UpcallMask = 1, PendingSelector = 8, Cr2 = 16, TimeVersion = 32, SystemTime = 48, EventPending = 0x800, EventMask = 0xa00;
}
