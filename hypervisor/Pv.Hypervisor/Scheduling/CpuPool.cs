using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Scheduling;

/// <summary>Some pCPUs, the domains that run on them, and the scheduler that has them run. The run queue's lock guards it.</summary>
internal sealed class CpuPool
{
    private readonly CoreTimer _timer;
    private ulong _armedFor = ulong.MaxValue;

    public CpuPool(uint id, ISchedulerPolicy policy, Timekeeper timekeeper, Action<CpuPool> tick)
    {
        Id = id;
        Policy = policy;
        _timer = new CoreTimer(timekeeper, () => tick(this));
    }

    public uint Id { get; }

    public ISchedulerPolicy Policy { get; }

    /// <summary>Its pCPUs, a bit each.</summary>
    public ulong Cpus { get; private set; }

    public List<Domain> Domains { get; } = [];

    public SchedulerId Scheduler => Policy.Id;

    public void SetCpus(ulong cpus)
    {
        Cpus = cpus;
        Policy.SetPcpus(cpus);
        foreach (var domain in Domains)
        {
            foreach (var vcpu in domain.Scheduled)
                Confine(vcpu.Unit);
        }
    }

    /// <summary>Where a vCPU may run: where it is pinned to, if that is in the pool at all.</summary>
    public void Confine(SchedulingUnit unit)
        => unit.Allowed = (unit.HardAffinity & Cpus) != 0 ? unit.HardAffinity & Cpus : Cpus;

    /// <summary>Sets the timer for what the policy waits for.</summary>
    public void Arm()
    {
        var next = Policy.NextTick;
        if (next == _armedFor)
            return;
        _armedFor = next;
        if (next == ulong.MaxValue)
            _timer.Cancel();
        else
            _timer.Set(next);
    }

    /// <summary>The timer has fired.</summary>
    public void Disarmed() => _armedFor = ulong.MaxValue;

    public void Stop() => _timer.Cancel();
}
