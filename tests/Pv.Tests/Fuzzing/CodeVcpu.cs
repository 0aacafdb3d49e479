using Pv.Abi;
using Pv.Cpu;
using Pv.Cpu.Software;
using Pv.Hypervisor.Domains;
using Pv.Machine.Gate;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// A vCPU that runs real machine code on the software engine. Whenever a program has come to its end, the next one is put in its letter pages with
/// the arguments of a hypercall; its own code copies it over the last one and runs it. Nothing else is done for it, unless it is lost.
/// </summary>
internal sealed class CodeVcpu : FuzzVcpu
{
    // A program that faults for ever, or runs in a circle, is given up after so many exits or instructions.
    private const int MostExits = 400;
    private const ulong MostInstructions = 200_000;

    /// <summary>Programs in a row that had to be given up: nothing that is left of the guest's tables lets it run.</summary>
    private const int MostLost = 20;

    private readonly CodeProgram _program = new();
    private bool _isAtEnd = true, _isGivenUp;
    private int _exits, _lost;
    private ulong _instructions;
    private CpuExit _last;
    private ulong _lastRip;
    private bool _isCalling;

    public CodeVcpu(FuzzDomain domain, FuzzDomain[] domains, Vcpu vcpu, ulong seed)
        : base(domain, domains, vcpu, seed)
    {
    }

    /// <summary>Looks at the vCPU's translations whenever it is entered; null where other vCPUs may be in the middle of a call that changes what they may be.</summary>
    public StillMachine? Watch { get; init; }

    /// <summary>What was wrong with them.</summary>
    public string? Wrong { get; private set; }

    /// <summary>In place of the engine, which it calls.</summary>
    public CpuExit Run(SoftwareVcpu engine, ref GuestRegisters registers)
    {
        if (!Vcpu.FlushIsPending)
            Wrong ??= Watch?.Translations(Vcpu, engine);
        NoteWhatCameOfIt(ref registers);
        if (_isAtEnd || IsLost(engine))
        {
            if (!TryBegin(ref registers))
            {
                IsBroken = true;
                return CpuExit.Blocked;
            }
            _instructions = engine.InstructionsRetired;
        }
        // What the handler of an upcall does first.
        if (registers.Rip == CodeRuntime.Upcall)
            Vcpu.Info.UpcallPending = 0;
        var exit = engine.Run(ref registers);
        _exits++;
        if (exit.Kind == CpuExitKind.Syscall && Vcpu.Traps.InKernel && registers.Rip == CodeRuntime.BehindHandOver)
        {
            Statistics.Programs++;
            (_isAtEnd, _lost) = (true, 0);
            return CpuExit.Preempted;
        }
        if (exit.Kind == CpuExitKind.Syscall && registers.Rip == CodeRuntime.BehindGiveUp)
        {
            _isGivenUp = true;
            return CpuExit.Preempted;
        }
        (_last, _lastRip) = (exit, registers.Rip);
        _isCalling = exit.Kind == CpuExitKind.Syscall && Vcpu.Traps.InKernel && _program.BehindCall != 0 && registers.Rip == _program.BehindCall;
        return exit;
    }

    private bool IsLost(SoftwareVcpu engine)
    {
        if (!_isGivenUp && _exits < MostExits && engine.InstructionsRetired - _instructions < MostInstructions)
            return false;
        Statistics.Lost++;
        _lost++;
        return true;
    }

    /// <summary>How the last exit ended: a call by its answer, a trap by who had it.</summary>
    private void NoteWhatCameOfIt(ref GuestRegisters registers)
    {
        if (_isCalling)
        {
            if (registers.Rip == _program.BehindCall - CodeRuntime.SyscallLength)
                Statistics.Continued++;
            else if (registers.Rip == _program.BehindCall || registers.Rip == CodeRuntime.Upcall)
                Learn((long)registers.Rax);
        }
        else if (_last.Kind == CpuExitKind.Exception)
        {
            var label = _program.LabelAt(_lastRip);
            Statistics.NoteTrap(label < 0 ? FuzzLabels.CodeElsewhere : label, registers.Rip == CodeRuntime.Trapped ? _last.Vector : null);
        }
        (_isCalling, _last) = (false, default);
    }

    /// <summary>Has the next program begin, whatever the last one left. False when the guest's pages are not there any more.</summary>
    private bool TryBegin(ref GuestRegisters registers)
    {
        if (_lost > MostLost)
            return false;
        (_isAtEnd, _isGivenUp, _exits) = (false, false, 0);
        Vcpu.Traps.InKernel = true;
        registers.Cr3 = Vcpu.Traps.KernelTable.Address;
        (registers.Cs, registers.Ss, registers.Rflags) = (XenSegments.FlatCode64, XenSegments.FlatStack, 0x202);
        if (!Dice.OneIn(40))
            FuzzDomain.SetTraps(Vcpu);
        Grammar.Begin(Dice.Next(), Domains, Domain, 0, new DomId((ushort)Dice.Below(40)), Index);
        if (Dice.OneIn(4))
        {
            Statistics.Stores++;
            GuestStores.Store(Vcpu.Domain.Core, Domain, Domains, Vcpu, Grammar, ref Dice, alone: false);
        }
        HypercallRegisters? call = null;
        if (!Dice.OneIn(8))
        {
            Grammar.Next(ofQueue: Dice.OneIn(4));
            call = Grammar.Registers;
            NoteCompletions();
            if (!FuzzDomain.Write(Vcpu, 0, Grammar.Arguments))
                return false;
        }
        _program.Make(Grammar, Domain, Index, Dice.Next(), call);
        if (!FuzzDomain.Write(Vcpu, CodeRuntime.Letter, _program.Bytes))
            return false;
        registers.Rip = CodeRuntime.Start;
        registers.Rsp = CodeRuntime.StackTop;
        (registers.Rsi, registers.Rdi, registers.Rcx, registers.Rbx) = (CodeRuntime.Letter, _program.Base, (ulong)_program.Bytes.Length, _program.Base);
        // Most run once; some often enough to be translated.
        registers.General[14] = (ulong)Dice.Of(1, 1, 1, 1, 1, 2, 3, call is null ? 70 : 6);
        registers.General[15] = CodeRuntime.GiveUp;
        if (Dice.OneIn(3))
            Vcpu.Info.UpcallMask = (byte)Dice.Below(2);
        if (Dice.OneIn(6))
            Hypervisor.Traps.FloatingPointReset.Apply(ref registers);
        return true;
    }
}
