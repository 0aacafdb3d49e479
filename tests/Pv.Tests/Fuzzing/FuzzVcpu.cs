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
internal sealed class FuzzVcpu
{
    // Where its only instruction, a syscall, would stand: a call that goes on brings it back here.
    private const ulong Instruction = 0x5000, BehindInstruction = Instruction + 2;
    private const ulong Stack = 0x1ff0;

    private readonly FuzzDomain _domain;
    private readonly FuzzDomain[] _domains;
    private readonly CallGrammar _grammar;
    private readonly int _index;
    private Dice _dice;
    private bool _hasCalled;

    public FuzzVcpu(FuzzDomain domain, FuzzDomain[] domains, Vcpu vcpu, ulong seed)
    {
        (_domain, _domains, Vcpu, _index) = (domain, domains, vcpu, (int)vcpu.Id.Value);
        _grammar = new CallGrammar(domain.Domain.Core);
        _dice = new Dice(seed);
    }

    public Vcpu Vcpu { get; }

    public FuzzStatistics Statistics { get; } = new();

    /// <summary>The guest cannot write its arguments any more: there is nothing that it could do.</summary>
    public bool IsBroken { get; private set; }

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
        _grammar.Begin(_dice.Next(), _domains, _domain, 0, new DomId((ushort)_dice.Below(40)));
        if (_dice.OneIn(4))
        {
            Statistics.Stores++;
            GuestStores.Store(Vcpu.Domain.Core, _domain, _domains, Vcpu, _grammar, ref _dice, alone: false);
        }
        if (_dice.OneIn(3))
            ChangeArgumentsOfOthers();
        _grammar.Next();
        if (!FuzzDomain.Write(Vcpu, 0, _grammar.Arguments))
        {
            IsBroken = true;
            return CpuExit.Blocked;
        }
        var call = _grammar.Registers;
        (registers.Rax, registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8, registers.General[9])
            = (call.Number, call.First, call.Second, call.Third, call.Fourth, call.Fifth, call.Sixth);
        registers.Rip = BehindInstruction;
        _hasCalled = true;
        return CpuExit.Syscall;
    }

    private void Learn(long result)
    {
        if (_grammar.Entries.Length == 0 || result < 0)
        {
            Statistics.Note(_grammar.Made.Label, result, Lessons.Take(_domain, Vcpu, _grammar.Made, result, 0));
            return;
        }
        Statistics.Note(_grammar.Made.Label, result, GrantStatus.Okay);
        for (var i = 0; i < _grammar.Entries.Length; i++)
        {
            var made = _grammar.Entries[i];
            long value = 0;
            if (FuzzDomain.Read(Vcpu, (ulong)CallGrammar.ResultOf(i), MemoryMarshal.AsBytes(new Span<long>(ref value))))
                Lessons.Take(_domain, Vcpu, made, value, 0);
        }
    }

    /// <summary>A sibling may be in the middle of a call: what it passed is read by the hypervisor while it changes.</summary>
    private void ChangeArgumentsOfOthers()
    {
        Statistics.Stores++;
        var sibling = _dice.Below(Vcpu.Domain.Vcpus.Length);
        if (sibling == _index)
            return;
        for (var i = _dice.Below(16); i >= 0; i--)
        {
            var value = _dice.Below(5) switch
            {
                0 => (ulong)_dice.Below(64),
                1 => _grammar.Entry((FrameUse)(1 + _dice.Below(4))),
                2 => _domain.Frames[_dice.Below(_domain.Frames.Length)].Value,
                3 => ulong.MaxValue,
                _ => _dice.Next(),
            };
            FuzzDomain.Write(Vcpu, FuzzDomain.ArgumentsOf(sibling) + (ulong)(_dice.OneIn(3) ? _dice.Below(0x400) : _dice.Below(8)) * 8, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));
        }
    }
}
