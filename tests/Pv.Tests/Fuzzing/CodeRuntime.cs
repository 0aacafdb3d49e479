using Iced.Intel;
using Pv.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// What a hostile machine-code guest has mapped beside its arguments and its playground, and the page of code that stays: it copies a program over
/// the last one and runs it, and goes on behind whatever traps.
/// </summary>
/// <remarks>A program ends at <see cref="HandOver"/>, a <c>syscall</c> that its host takes before the hypervisor sees it.</remarks>
internal static class CodeRuntime
{
    /// <summary>The page that stays.</summary>
    public const ulong Page = 0x1_0000;

    /// <summary>Two pages where programs run.</summary>
    public const ulong Program = 0x1_1000;

    public const ulong Stack = 0x1_3000, StackTop = Stack + 0xff0;

    /// <summary>Two pages in which the next program comes.</summary>
    public const ulong Letter = 0x1_4000;

    /// <summary>Where the tables can be read: the playground's L1, then the vCPU's own L1, L2, L3 and L4.</summary>
    public const ulong Tables = 0x1_8000;

    public const ulong SharedInfo = 0x1_d000;

    public const int ProgramBytes = 2 * PageSize.Bytes;

    /// <summary>Copies rcx bytes from rsi to rdi and goes to rbx.</summary>
    public const ulong Start = Page;

    public const ulong HandOver = Page + 0x40, BehindHandOver = HandOver + SyscallLength;

    /// <summary>Where a program goes that trapped before its first part.</summary>
    public const ulong GiveUp = Page + 0x180, BehindGiveUp = GiveUp + SyscallLength;

    /// <summary>Every trap and callback comes here, and goes on where r15 says.</summary>
    public const ulong Trapped = Page + 0x80;

    /// <summary>Upcalls come here and go back to where they came from.</summary>
    public const ulong Upcall = Page + 0xc0;

    /// <summary>Reads eight bytes at rsi into rax.</summary>
    public const ulong Load = Page + 0x100, BehindLoad = Load + 3 + SyscallLength;

    /// <summary>Writes the eight bytes of rax at rdi.</summary>
    public const ulong Store = Page + 0x140, BehindStore = Store + 3 + SyscallLength;

    public const int SyscallLength = 2;

    public static readonly byte[] Code = Assemble();

    /// <summary>The bytes of a few instructions that hold no address of their own.</summary>
    public static byte[] Assemble(Action<Assembler> write)
    {
        var assembler = new Assembler(64);
        write(assembler);
        var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Page);
        return stream.ToArray();
    }

    private static byte[] Assemble()
    {
        var page = new byte[PageSize.Bytes];
        Put(Start, code =>
        {
            code.cld();
            code.rep.movsb();
            code.jmp(rbx);
        });
        Put(HandOver, code => code.syscall());
        Put(GiveUp, code => code.syscall());
        Put(Trapped, code =>
        {
            code.mov(rsp, StackTop);
            code.jmp(r15);
        });
        Put(Upcall, code =>
        {
            // The frame of iret stands where the upcall's stood, but for four words more.
            code.pop(rcx);
            code.pop(r11);
            code.push(0);
            code.push(rcx);
            code.push(r11);
            code.push(rax);
            code.mov(eax, (uint)HypercallNumber.Iret);
            code.syscall();
        });
        Put(Load, code =>
        {
            code.mov(rax, __qword_ptr[rsi]);
            code.syscall();
        });
        Put(Store, code =>
        {
            code.mov(__qword_ptr[rdi], rax);
            code.syscall();
        });
        return page;

        void Put(ulong address, Action<Assembler> write) => Assemble(write).CopyTo(page, (int)(address - Page));
    }
}
