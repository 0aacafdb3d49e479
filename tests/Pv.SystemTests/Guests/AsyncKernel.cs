using Iced.Intel;
using Pv.Abi;
using Pv.Dom0.Lab;
using Pv.LabGuests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.SystemTests.Guests;

/// <summary>
/// A machine-code kernel that looks for asynchronous hypercalls by their CPUID leaf and has some batches made. It powers off when all answered what they must,
/// asks for a reboot when there is no such leaf, and crashes otherwise.
/// </summary>
internal static class AsyncKernel
{
    private const uint Entries = 16;
    private const int Calls = 8, Rounds = 3;

    // Where the loader's struct start_info has the list of the domain's frames.
    private const int FrameListOfStartInfo = 104;

    private const ulong Header = LabKernelLayout.Area, Completions = Header + PageSize.Bytes, Submissions = Completions + PageSize.Bytes;
    private const ulong Arguments = Submissions + PageSize.Bytes, Calling = Arguments + PageSize.Bytes, Result = Arguments + 256;

    /// <summary>The kernel as an ELF file.</summary>
    public static byte[] Image()
    {
        var code = new MemoryStream();
        Assemble().Assemble(new StreamCodeWriter(code), LabKernelLayout.Base);
        return LabKernelImage.Write(code.ToArray());
    }

    private static Assembler Assemble()
    {
        var a = new Assembler(64);
        var (absent, wrong, again) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        a.mov(rsp, LabKernelLayout.StackTop);
        a.mov(r14, __qword_ptr[rsi + FrameListOfStartInfo]);
        Cpuid(a, AsyncHypercalls.FirstLeaf);
        a.cmp(ebx, (int)AsyncHypercalls.SignatureEbx);
        a.jne(absent);
        // The number is the hypervisor's to say.
        Cpuid(a, AsyncHypercalls.LastLeaf);
        a.mov(r13d, ebx);

        a.mov(rdi, Arguments);
        a.mov(__dword_ptr[rdi], (int)Entries);
        a.lea(rax, __[r14 + (int)((Header - LabKernelLayout.Base) >> PageSize.Shift) * sizeof(ulong)]);
        a.mov(__qword_ptr[rdi + 16], rax);
        a.mov(__dword_ptr[rdi + 24], AsyncHypercalls.FrameCount(Entries));
        a.mov(rsi, rdi);
        a.mov(edi, (int)AsyncOperation.SetUp);
        a.mov(eax, r13d);
        a.syscall();
        a.test(rax, rax);
        a.jne(wrong);

        a.mov(rdi, Calling);
        for (var call = 0; call < Calls; call++)
            a.mov(__qword_ptr[rdi + (call * MulticallEntry.WireSize)], (int)HypercallNumber.XenVersion);
        a.mov(ebx, Rounds);
        a.Label(ref again);
        LabKernelQueue.Submit(a, Step(Calling, Submissions));
        LabKernelQueue.Await(a, Step(0, Completions), Result);
        a.mov(rax, __qword_ptr[Result]);
        a.cmp(rax, (4 << 16) | 17);
        a.jne(wrong);
        a.dec(ebx);
        a.jnz(again);
        ShutDown(a, ShutdownReason.PowerOff);
        a.Label(ref absent);
        ShutDown(a, ShutdownReason.Reboot);
        a.Label(ref wrong);
        ShutDown(a, ShutdownReason.Crash);
        return a;
    }

    private static ulong[] Step(ulong entries, ulong ring)
    {
        var step = new ulong[LabStep.Words];
        (step[LabStep.Entries], step[LabStep.Header], step[LabStep.Ring], step[LabStep.Calls], step[LabStep.Size]) = (entries, Header, ring, Calls, Entries);
        return step;
    }

    /// <summary>As Xen emulates it: the processor's own would tell of the host.</summary>
    private static void Cpuid(Assembler a, uint leaf)
    {
        a.mov(eax, leaf);
        a.xor(ecx, ecx);
        a.db(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    }

    private static void ShutDown(Assembler a, ShutdownReason reason)
    {
        a.mov(rsi, Arguments + 512);
        a.mov(__dword_ptr[rsi], (int)reason);
        a.mov(edi, (int)SchedOperation.Shutdown);
        a.mov(eax, (int)HypercallNumber.SchedOp);
        a.syscall();
    }
}
