using Iced.Intel;
using Pv.Abi;
using Pv.Guest;
using Pv.LabGuests;
using Pv.Toolstack.Lab.Guests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Dom0.Lab;

/// <summary>
/// The machine-code guest of the lab: a PV kernel of one page that polls for commands and calls the code that the lab has put into its
/// memory. It runs on every engine that runs real kernels.
/// </summary>
internal static class LabKernel
{
    private const ulong Control = LabKernelLayout.Area;

    /// <summary>The whole kernel as an ELF file.</summary>
    public static byte[] Image()
    {
        var code = Assemble();
        if (code.Length > PageSize.Bytes)
            throw new InvalidOperationException($"The lab's kernel takes {code.Length} bytes.");
        return LabKernelImage.Write(code);
    }

    private static byte[] Assemble()
    {
        var a = new Assembler(64);
        var (wait, run, again) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        Start(a);
        a.Label(ref wait);
        CompareCommand(a, run);
        // The bit first, then the look: a command that comes between them has set it again.
        a.mov(rcx, __qword_ptr[Control + LabControl.Port]);
        a.@lock.btr(__qword_ptr[LabKernelLayout.SharedInfo + SharedInfoLayout.Pending], rcx);
        CompareCommand(a, run);
        Call(a, HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, LabKernelLayout.PollArgument);
        a.jmp(wait);

        a.Label(ref run);
        a.mov(r15, __qword_ptr[Control + LabControl.Command]);
        a.mov(rbx, __qword_ptr[Control + LabControl.Rounds]);
        ReadTimeStamp(a, Control + LabControl.Started);
        var done = a.CreateLabel();
        a.Label(ref again);
        a.test(rbx, rbx);
        a.jz(done);
        a.call(__qword_ptr[Control + LabControl.Program]);
        a.dec(rbx);
        a.jmp(again);
        a.Label(ref done);
        ReadTimeStamp(a, Control + LabControl.Ended);
        a.mov(__qword_ptr[Control + LabControl.Done], r15);
        Call(a, HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, Control + LabControl.Port);
        a.jmp(wait);
        return Bytes(a, LabKernelLayout.Base);
    }

    /// <summary>Maps <c>shared_info</c> and masks every port: the guest polls its own.</summary>
    private static void Start(Assembler a)
    {
        const int sharedInfoOfStartInfo = 40, maskWords = 64;
        a.cld();
        a.mov(rsp, LabKernelLayout.StackTop);
        a.mov(rsi, __qword_ptr[rsi + sharedInfoOfStartInfo]);
        a.or(rsi, (int)(LabKernelLayout.Writable & int.MaxValue));
        a.mov(rdi, LabKernelLayout.SharedInfo);
        a.xor(edx, edx);
        a.mov(eax, (uint)HypercallNumber.UpdateVaMapping);
        a.syscall();
        a.mov(rdi, LabKernelLayout.SharedInfo + SharedInfoLayout.Mask);
        a.mov(ecx, maskWords);
        a.mov(rax, ulong.MaxValue);
        a.rep.stosq();
        // sched_poll: the address of the ports, how many, no end.
        a.mov(rax, Control + LabControl.Port);
        a.mov(__qword_ptr[LabKernelLayout.PollArgument], rax);
        a.mov(__qword_ptr[LabKernelLayout.PollArgument + 8], 1);
        a.mov(__qword_ptr[LabKernelLayout.PollArgument + 16], 0);
    }

    private static void CompareCommand(Assembler a, Label run)
    {
        a.mov(rax, __qword_ptr[Control + LabControl.Command]);
        a.cmp(rax, __qword_ptr[Control + LabControl.Done]);
        a.jne(run);
    }

    private static void ReadTimeStamp(Assembler a, ulong into)
    {
        a.rdtsc();
        a.shl(rdx, 32);
        a.or(rax, rdx);
        a.mov(__qword_ptr[into], rax);
    }

    private static void Call(Assembler a, HypercallNumber number, ulong operation, ulong argument)
    {
        a.mov(edi, (uint)operation);
        a.mov(rsi, argument);
        a.mov(eax, (uint)number);
        a.syscall();
    }

    /// <summary>The code of a program whose steps stand at an address. It may stand anywhere; rbx, r15 and rsp are kept.</summary>
    public static byte[] Compile(LabProgram program, ulong stepsAt)
    {
        var a = new Assembler(64);
        for (var i = 0; i < program.Steps.Count; i++)
        {
            var step = program.Steps[i];
            switch ((LabStepKind)step[LabStep.Kind])
            {
                case LabStepKind.Fill:
                    Fill(a, step[LabStep.Source], step[LabStep.Target], (int)step[LabStep.Bytes]);
                    break;
                case LabStepKind.Copy:
                    Copy(a, step);
                    break;
                case LabStepKind.Call or LabStepKind.Omit:
                    Call(a, step, stepsAt + (ulong)((i * LabStep.WireSize) + (LabStep.Result * sizeof(ulong))));
                    break;
                case LabStepKind.Submit:
                    LabKernelQueue.Submit(a, step);
                    break;
                case LabStepKind.Await:
                    LabKernelQueue.Await(a, step, stepsAt + (ulong)((i * LabStep.WireSize) + (LabStep.Result * sizeof(ulong))));
                    break;
            }
        }
        a.ret();
        return Bytes(a, LabKernelLayout.Base);
    }

    private static void Fill(Assembler a, ulong source, ulong target, int bytes)
    {
        const int longestUnrolled = 64;
        if (bytes <= longestUnrolled)
        {
            for (ulong at = 0; at < (ulong)bytes; at += sizeof(ulong))
            {
                a.mov(rax, __qword_ptr[source + at]);
                a.mov(__qword_ptr[target + at], rax);
            }
            return;
        }
        a.mov(rsi, source);
        a.mov(rdi, target);
        a.mov(ecx, bytes / sizeof(ulong));
        a.rep.movsq();
    }

    private static void Copy(Assembler a, ulong[] step)
    {
        var next = a.CreateLabel();
        a.mov(rsi, step[LabStep.Source]);
        a.mov(rdi, step[LabStep.Target]);
        if (step[LabStep.Count] == 1 && step[LabStep.Bytes] is not (sizeof(uint) or sizeof(ulong)))
        {
            a.mov(ecx, (int)step[LabStep.Bytes] / sizeof(ulong));
            a.rep.movsq();
            a.mov(ecx, (int)step[LabStep.Bytes] % sizeof(ulong));
            a.rep.movsb();
            return;
        }
        a.mov(ecx, (int)step[LabStep.Count]);
        a.Label(ref next);
        if (step[LabStep.Bytes] == sizeof(uint))
        {
            a.mov(eax, __dword_ptr[rsi]);
            a.mov(__dword_ptr[rdi], eax);
        }
        else
        {
            a.mov(rax, __qword_ptr[rsi]);
            a.mov(__qword_ptr[rdi], rax);
        }
        a.add(rsi, (int)step[LabStep.SourceStride]);
        a.add(rdi, (int)step[LabStep.TargetStride]);
        a.dec(ecx);
        a.jnz(next);
    }

    private static void Call(Assembler a, ulong[] step, ulong resultAt)
    {
        var registers = new[] { rdi, rsi, rdx, r10, r8 };
        for (var i = 0; i < registers.Length; i++)
            Load(a, registers[i], step[LabStep.FirstArgument + i]);
        a.mov(eax, (uint)step[LabStep.Number]);
        if ((LabStepKind)step[LabStep.Kind] == LabStepKind.Call)
            a.syscall();
        a.mov(__qword_ptr[resultAt], rax);
    }

    private static void Load(Assembler a, AssemblerRegister64 register, ulong value)
    {
        if (value <= int.MaxValue || value >= unchecked((ulong)int.MinValue))
            a.mov(register, unchecked((int)value));
        else
            a.mov(register, value);
    }

    private static byte[] Bytes(Assembler a, ulong at)
    {
        var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), at);
        return stream.ToArray();
    }
}
