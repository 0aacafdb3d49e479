using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// A vCPU whose code is made of hypercalls: it runs on a pCPU's thread, is preempted, stopped and woken as any other, and makes its next call
/// whenever it is entered. Between two calls it writes what a guest may write, among it the arguments of its siblings while they are read.
/// </summary>
internal sealed class CallingVcpu : FuzzVcpu
{
    // Where its only instruction, a syscall, would stand: a call that goes on brings it back here.
    private const ulong Instruction = 0x5000, BehindInstruction = Instruction + 2;
    private const ulong Stack = 0x1ff0;

    private bool _hasCalled;

    public CallingVcpu(FuzzDomain domain, FuzzDomain[] domains, Vcpu vcpu, ulong seed)
        : base(domain, domains, vcpu, seed)
    {
    }

    /// <summary>What the vCPU does when it is entered.</summary>
    public CpuExit Enter(ref GuestRegisters registers)
    {
        // A call that was stopped is made again, with the registers that say how.
        if (_hasCalled && registers.Rip == Instruction)
        {
            Statistics.Continued++;
            registers.Rip = BehindInstruction;
            return CpuExit.Syscall;
        }
        if (_hasCalled && registers.Rip == BehindInstruction)
            Learn((long)registers.Rax);
        _hasCalled = false;
        // An upcall, or a return to user code: it goes back to what it was doing.
        Vcpu.Traps.InKernel = true;
        registers.Cr3 = Vcpu.Traps.KernelTable.Address;
        registers.Rsp = Stack;
        Grammar.Begin(Dice.Next(), Domains, Domain, 0, new DomId((ushort)Dice.Below(40)), Index);
        if (Dice.OneIn(4))
        {
            Statistics.Stores++;
            GuestStores.Store(Vcpu.Domain.Core, Domain, Domains, Vcpu, Grammar, ref Dice, alone: false);
        }
        if (Dice.OneIn(3))
            ChangeArgumentsOfOthers();
        Grammar.Next(ofQueue: Dice.OneIn(8));
        if (!FuzzDomain.Write(Vcpu, 0, Grammar.Arguments))
        {
            IsBroken = true;
            return CpuExit.Blocked;
        }
        NoteCompletions();
        foreach (var (address, value) in Grammar.Stores)
            FuzzDomain.Write(Vcpu, address, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));
        var call = Grammar.Registers;
        (registers.Rax, registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8, registers.General[9])
            = (call.Number, call.First, call.Second, call.Third, call.Fourth, call.Fifth, call.Sixth);
        registers.Rip = BehindInstruction;
        _hasCalled = true;
        return CpuExit.Syscall;
    }

    /// <summary>A sibling may be in the middle of a call: what it passed is read by the hypervisor while it changes.</summary>
    private void ChangeArgumentsOfOthers()
    {
        Statistics.Stores++;
        var sibling = Dice.Below(Vcpu.Domain.Vcpus.Length);
        if (sibling == Index)
            return;
        for (var i = Dice.Below(16); i >= 0; i--)
        {
            var value = Dice.Below(5) switch
            {
                0 => (ulong)Dice.Below(64),
                1 => Grammar.Entry((FrameUse)(1 + Dice.Below(4))),
                2 => Domain.Frames[Dice.Below(Domain.Frames.Length)].Value,
                3 => ulong.MaxValue,
                _ => Dice.Next(),
            };
            FuzzDomain.Write(Vcpu, FuzzDomain.ArgumentsOf(sibling) + (ulong)(Dice.OneIn(3) ? Dice.Below(0x400) : Dice.Below(8)) * 8, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));
        }
    }
}
