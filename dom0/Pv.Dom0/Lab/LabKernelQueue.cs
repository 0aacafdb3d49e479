using Iced.Intel;
using Pv.Abi;
using Pv.LabGuests;
using static Iced.Intel.AssemblerRegisters;

namespace Pv.Dom0.Lab;

/// <summary>How the lab's machine-code guest uses its queue of asynchronous hypercalls.</summary>
internal static class LabKernelQueue
{
    /// <summary>Writes entries behind those that are there, publishes them, and wakes the service if it sleeps.</summary>
    public static void Submit(Assembler a, ulong[] step)
    {
        var (next, awake) = (a.CreateLabel(), a.CreateLabel());
        a.mov(r12, step[LabStep.Header]);
        a.mov(ecx, __dword_ptr[r12 + AsyncRing.SubmissionProducer]);
        a.mov(rsi, step[LabStep.Entries]);
        a.mov(r8d, (int)step[LabStep.Calls]);
        a.mov(r9, step[LabStep.Ring]);
        a.Label(ref next);
        a.mov(edi, ecx);
        a.and(edi, (int)step[LabStep.Size] - 1);
        a.shl(rdi, Shift(MulticallEntry.WireSize));
        a.add(rdi, r9);
        for (var at = 0; at < MulticallEntry.WireSize; at += sizeof(ulong))
        {
            a.mov(rax, __qword_ptr[rsi + at]);
            a.mov(__qword_ptr[rdi + at], rax);
        }
        a.add(rsi, MulticallEntry.WireSize);
        a.inc(ecx);
        a.dec(r8d);
        a.jnz(next);
        a.mov(__dword_ptr[r12 + AsyncRing.SubmissionProducer], ecx);
        // What was published is there before the flag is looked at.
        a.mfence();
        a.test(__dword_ptr[r12 + AsyncRing.Flags], (int)AsyncRingFlags.NeedWakeup);
        a.jz(awake);
        a.mov(edi, (int)AsyncOperation.Kick);
        a.mov(eax, (int)AsyncHypercalls.Number);
        a.syscall();
        a.Label(ref awake);
        a.nop();
    }

    /// <summary>Looks until all that was submitted is complete, and reads the results.</summary>
    public static void Await(Assembler a, ulong[] step, ulong resultAt)
    {
        const int resultOfCompletion = 8;
        var (look, next) = (a.CreateLabel(), a.CreateLabel());
        a.mov(r12, step[LabStep.Header]);
        a.mov(r10d, __dword_ptr[r12 + AsyncRing.SubmissionProducer]);
        a.xor(r9d, r9d);
        a.Label(ref look);
        a.pause();
        // It counts its looks: a guest whose registers stay as they are is taken for one that does nothing.
        a.inc(r9);
        a.cmp(__dword_ptr[r12 + AsyncRing.CompletionProducer], r10d);
        a.jne(look);
        a.mov(ecx, __dword_ptr[r12 + AsyncRing.CompletionConsumer]);
        a.mov(r9, step[LabStep.Ring]);
        a.xor(eax, eax);
        a.Label(ref next);
        a.mov(edi, ecx);
        a.and(edi, (int)step[LabStep.Size] - 1);
        a.shl(rdi, Shift(AsyncCompletion.WireSize));
        a.or(rax, __qword_ptr[r9 + rdi + resultOfCompletion]);
        a.inc(ecx);
        a.cmp(ecx, r10d);
        a.jne(next);
        a.mov(__dword_ptr[r12 + AsyncRing.CompletionConsumer], ecx);
        a.mov(__qword_ptr[resultAt], rax);
    }

    private static byte Shift(int size) => (byte)System.Numerics.BitOperations.Log2((uint)size);
}
