using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Stepping;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Domains;

/// <summary>The gate of an auto-translated domain: what <see cref="IGuestGate"/> promises, on the hypervisor's side.</summary>
internal sealed class ManagedGate(Domain domain) : IGuestGate
{
    /// <summary>An event is pending for Dom0. Any thread, possibly under the events lock: must only signal.</summary>
    public event Action? Upcall;

    public DomId Domain => domain.Id;

    public ulong InitialFrames { get; internal set; }

    public Pfn StartInfo { get; internal set; }

    public bool YieldRequested
    {
        get
        {
            if (domain.Kind == DomainKind.Control)
                return false;
            domain.Core.Stepper?.Point();
            return domain.Core.Scheduler.ShouldLeave(FirstVcpu);
        }
    }

    private Vcpu FirstVcpu => domain.Vcpus[0] ?? throw new InvalidOperationException($"{domain.Id} has no vCPU yet.");

    public long Call(HypercallRegisters registers)
    {
        var vcpu = FirstVcpu;
        try
        {
            HypercallResult result;
            do
                result = domain.Core.Hypercalls.Enter(vcpu, ref registers);
            while (result.Outcome == HypercallOutcome.Continue || result.Rerun);
            return result.Value;
        }
        catch (Exception failure) when (failure is not (OutOfMemoryException or StrandAbandonedException))
        {
            if (domain.Kind == DomainKind.Control)
                throw new InvalidOperationException($"Hypercall {registers.Number} of Dom0 failed inside the hypervisor.", failure);
            DomainCrash.Report(vcpu, DomainCrash.ReasonOf(failure), failure);
            throw new GuestCrashException("The domain crashed in a hypercall.", failure);
        }
    }

    public SharedPage Page(Pfn pfn)
    {
        if (domain.PhysicalMap!.Get(pfn, out var mfn) == PhysicalMapKind.Empty)
            throw new ArgumentOutOfRangeException(nameof(pfn), $"{domain.Id} has nothing mapped at {pfn}.");
        return new SharedPage(domain.Core.Memory, mfn);
    }

    public ulong ReadTsc()
    {
        // In deterministic mode time passes here, or a guest that waits by looking would wait for ever.
        domain.Core.Stepper?.Point();
        return domain.Core.Clock.Now;
    }

    public void Crash(string reason)
    {
        if (domain.Life == DomainLife.Alive && domain.Shutdown is null)
            DomainCrash.Report(FirstVcpu, reason);
    }

    internal void RaiseUpcall() => Upcall?.Invoke();
}
