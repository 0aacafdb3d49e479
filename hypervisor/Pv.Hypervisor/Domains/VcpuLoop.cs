using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Traps;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Domains;

/// <summary>
/// What a pCPU does with a vCPU: enter the guest's code, handle the way out, deliver events, until the slice is over or the vCPU may not
/// go on. The only place that acts on what handlers answer.
/// </summary>
internal sealed class VcpuLoop(HypervisorCore core)
{
    // After so many yields with nothing else to run and nothing pending, the vCPU rests: an idle pvgrub polls so for ever.
    private const int YieldsBeforeRest = 200;
    private const ulong RestNanoseconds = 1_000_000;

    [ThreadStatic]
    private static Vcpu? _current;

    /// <summary>The vCPU that the calling thread runs; null for a thread that is no pCPU's.</summary>
    public static Vcpu? Current => _current;

    /// <summary>Whether the calling thread is the pCPU that runs this vCPU now.</summary>
    public static bool IsCurrent(Vcpu vcpu) => _current == vcpu;

    /// <summary>Runs on a pCPU's thread.</summary>
    public void Run(Vcpu vcpu)
    {
        _current = vcpu;
        try
        {
            if (vcpu.Queue is { } queue)
            {
                queue.Serve();
                return;
            }
            RunstateAreas.Update(vcpu);
            vcpu.Timers.BeginRunning();
            while (!core.Scheduler.ShouldLeave(vcpu))
            {
                vcpu.EndPoll();
                vcpu.IsResting = false;
                vcpu.FlushIfRequested();
                if (vcpu.Domain.Kind == DomainKind.Paravirtualized)
                    DeliverPending(vcpu);
                if (!vcpu.TryEnterGuest())
                    continue;
                var exit = vcpu.Engine!.Run(ref vcpu.Registers);
                vcpu.LeaveGuest();
                vcpu.CountInstructions();
                Handle(vcpu, exit);
            }
        }
        catch (Exception failure) when (failure is not (OutOfMemoryException or StrandAbandonedException))
        {
            DomainCrash.Report(vcpu, DomainCrash.ReasonOf(failure), failure);
        }
        finally
        {
            vcpu.LeaveGuest();
            vcpu.Timers.EndRunning();
            _current = null;
        }
    }

    private static void DeliverPending(Vcpu vcpu)
    {
        if (vcpu.HasNmi)
            NmiDelivery.Deliver(vcpu);
        if (vcpu.HasUpcall)
            EventUpcall.Deliver(vcpu);
    }

    private void Handle(Vcpu vcpu, CpuExit exit)
    {
        vcpu.Counters.NoteExit(exit);
        switch (exit.Kind)
        {
            case CpuExitKind.Preempted:
                break;
            case CpuExitKind.Syscall when vcpu.Traps.InKernel:
                Hypercall(vcpu);
                break;
            case CpuExitKind.Syscall:
                UserSyscall.Deliver(vcpu);
                break;
            case CpuExitKind.Exception:
                if (vcpu.Domain.Trace.IsOn)
                    vcpu.Domain.Trace.NoteException(exit.Vector);
                ExceptionExit.Handle(vcpu, exit);
                break;
            case CpuExitKind.Blocked:
                BlockUnlessPending(vcpu);
                break;
            case CpuExitKind.Idle:
                Rest(vcpu);
                break;
            default:
                throw new InvalidOperationException($"The engine left with {exit.Kind}.");
        }
    }

    private void Hypercall(Vcpu vcpu)
    {
        ref var registers = ref vcpu.Registers;
        var arguments = new HypercallRegisters(
            registers.Rax, registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8, registers.General[9]);
        var result = core.Hypercalls.Enter(vcpu, ref arguments);
        if (result.Outcome == HypercallOutcome.RegistersSet)
            return;
        if (result.Outcome == HypercallOutcome.Continue || result.Rerun)
            ExecuteAgain(ref registers, arguments);
        else
            registers.Rax = (ulong)result.Value;
        if (result.Outcome == HypercallOutcome.Block)
            BlockUnlessPending(vcpu);
        else if (result.Outcome == HypercallOutcome.Yield)
            Yield(vcpu);
        else
            vcpu.IdleYields = 0;
    }

    /// <summary>Back to the <c>syscall</c>, two bytes long, with the registers that say how to go on.</summary>
    private static void ExecuteAgain(ref GuestRegisters registers, HypercallRegisters arguments)
    {
        const int syscallLength = 2;
        registers.Rip -= syscallLength;
        registers.Rax = arguments.Number;
        registers.Rdi = arguments.First;
        registers.Rsi = arguments.Second;
        registers.Rdx = arguments.Third;
        registers.R10 = arguments.Fourth;
        registers.R8 = arguments.Fifth;
        registers.General[9] = arguments.Sixth;
    }

    private void BlockUnlessPending(Vcpu vcpu)
    {
        vcpu.Block();
        UnblockIfPending(vcpu);
    }

    private void UnblockIfPending(Vcpu vcpu)
    {
        core.Stepper?.Point();
        // Whatever came before the mark was set is seen here; whatever comes after it wakes.
        if (vcpu.HasUpcall || vcpu.PollIsOver() || vcpu.HasNmi)
            vcpu.Unblock();
    }

    private void Yield(Vcpu vcpu)
    {
        core.Scheduler.Yield(vcpu);
        if (core.Scheduler.AnythingWaits || vcpu.HasUpcall)
        {
            vcpu.IdleYields = 0;
            return;
        }
        if (++vcpu.IdleYields < YieldsBeforeRest)
            return;
        Rest(vcpu);
    }

    /// <summary>
    /// Blocks a vCPU that only polls, for a while or until an event. A guest that polls with events masked may leave their bits set for ever:
    /// while it rests every event wakes it, and one that slips in just before waits for the timer.
    /// </summary>
    private void Rest(Vcpu vcpu)
    {
        vcpu.IsResting = true;
        vcpu.Block();
        core.Stepper?.Point();
        // Behind the mark: however late this thread is, the timer finds it.
        vcpu.Timers.Rest(core.Clock.Now + RestNanoseconds);
        UnblockIfPending(vcpu);
    }
}
