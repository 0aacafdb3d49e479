using static Iced.Intel.AssemblerRegisters;

namespace Pv.Tests.MachineGuests;

// Words about queues of asynchronous hypercalls; numbers and offsets are written down again, from docs/async-hypercalls.md.
internal sealed partial class GuestCode
{
    public const XenCall AsyncOp = (XenCall)55;
    public const ulong AsyncSetUp = 1, AsyncTearDown = 2, AsyncKick = 3;

    /// <summary>Sets up a queue of 64 entries; the result of the call is in rax.</summary>
    public GuestQueue SetUpQueue(Operand port = default)
    {
        var frames = Pages(3);
        var (list, setup) = (Variable(0, 24), Variable(0, 32));
        for (ulong i = 0; i < 3; i++)
            Store(list + i * 8, Operand.Mfn(frames + (i << 12)));
        Store(setup, port);
        Asm.shl(rax, 32);
        Asm.or(rax, GuestQueue.Entries);
        Asm.mov(__qword_ptr[setup], rax);
        Store(setup + 16, list);
        Store(setup + 24, 3);
        Call(AsyncOp, AsyncSetUp, setup);
        return new GuestQueue(frames, Variable(), Variable());
    }

    /// <summary>Writes a submission, whose cookie is its index, behind the last. The arguments may not be in rax, rcx or rdx.</summary>
    public void AddCall(GuestQueue queue, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        Asm.mov(ecx, __dword_ptr[queue.Submitted]);
        Asm.mov(edx, ecx);
        Asm.and(edx, GuestQueue.Entries - 1);
        Asm.shl(edx, 6);
        Asm.mov(rax, queue.Submissions);
        Asm.add(rdx, rax);
        Asm.mov(__qword_ptr[rdx], (int)call);
        Asm.mov(__qword_ptr[rdx + 8], rcx);
        for (var i = 0; i < arguments.Length; i++)
        {
            arguments[i].Load(Asm, rax);
            Asm.mov(__qword_ptr[rdx + 16 + i * 8], rax);
        }

        Asm.inc(__dword_ptr[queue.Submitted]);
    }

    /// <summary>Publishes what was added, and kicks where the flag says so. Loses what a call loses, and rdi.</summary>
    public void Publish(GuestQueue queue)
    {
        var awake = Asm.CreateLabel();
        Asm.mov(eax, __dword_ptr[queue.Submitted]);
        Asm.mov(__dword_ptr[queue.Header], eax);
        Asm.mfence();
        Asm.test(__dword_ptr[queue.Header + 72], 3);
        Asm.je(awake);
        Asm.inc(__qword_ptr[queue.Kicks]);
        Call(AsyncOp, AsyncKick);
        Asm.Label(ref awake);
        Asm.nop();
    }

    /// <summary>Looks until everything that was submitted is complete. Loses rcx.</summary>
    public void AwaitCalls(GuestQueue queue)
    {
        var look = Asm.CreateLabel();
        Asm.mov(ecx, __dword_ptr[queue.Submitted]);
        Asm.Label(ref look);
        Asm.pause();
        Asm.cmp(ecx, __dword_ptr[queue.Header + 68]);
        Asm.jne(look);
    }

    /// <summary>Takes the oldest completion: its cookie is in rcx, its result in rax. Loses rdx.</summary>
    public void TakeCall(GuestQueue queue)
    {
        Asm.mov(edx, __dword_ptr[queue.Header + 4]);
        Asm.and(edx, GuestQueue.Entries - 1);
        Asm.shl(edx, 4);
        Asm.mov(rax, queue.Completions);
        Asm.add(rdx, rax);
        Asm.mov(rcx, __qword_ptr[rdx]);
        Asm.mov(rax, __qword_ptr[rdx + 8]);
        Asm.inc(__dword_ptr[queue.Header + 4]);
    }

    /// <summary>One call from submission to result, which is in rax.</summary>
    public void CallQueued(GuestQueue queue, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        AddCall(queue, call, arguments);
        Publish(queue);
        AwaitCalls(queue);
        TakeCall(queue);
    }

    public void CallQueuedRecord(string name, GuestQueue queue, XenCall call, params ReadOnlySpan<Operand> arguments)
    {
        CallQueued(queue, call, arguments);
        Record(name, rax);
    }
}

/// <summary>Where a machine-code guest has its queue.</summary>
/// <param name="Header">Three pages: the header, completions, submissions.</param>
/// <param name="Submitted">How many calls were added.</param>
/// <param name="Kicks">How often the hypervisor was entered for them.</param>
internal readonly record struct GuestQueue(ulong Header, ulong Submitted, ulong Kicks)
{
    public const int Entries = 64;

    public ulong Completions => Header + 0x1000;

    public ulong Submissions => Header + 0x2000;
}
