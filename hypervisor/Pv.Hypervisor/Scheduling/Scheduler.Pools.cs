using System.Numerics;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Scheduling;

/// <content>CPU pools (<c>XEN_SYSCTL_cpupool_op</c>): which pCPUs and domains belong together, and under which scheduler.</content>
public sealed partial class Scheduler
{
    private readonly SortedList<uint, CpuPool> _pools = [];

    /// <summary>Pool 0, where domain 0 is, and everything that was not put elsewhere.</summary>
    internal CpuPool DefaultPool { get; }

    private ulong AllCpus => _pcpus.Length == 64 ? ulong.MaxValue : (1ul << _pcpus.Length) - 1;

    /// <summary>The pCPUs that are in no pool, a bit each.</summary>
    internal ulong FreeCpus
    {
        get
        {
            using (_lock.Hold())
            {
                return _pools.Values.Aggregate(AllCpus, (free, pool) => free & ~pool.Cpus);
            }
        }
    }

    /// <summary>Makes a pool without pCPUs; <see cref="CpuPools.Any"/>: of any number.</summary>
    internal Errno CreatePool(uint wanted, SchedulerId scheduler, out uint id)
    {
        using (_lock.Hold())
        {
            id = wanted;
            if (SchedulerPolicies.Create(scheduler) is not { } policy)
                return Errno.ENOENT;
            if (wanted == CpuPools.Any)
            {
                for (id = 0; _pools.ContainsKey(id);)
                    id++;
            }
            else if (_pools.ContainsKey(wanted))
            {
                return Errno.EEXIST;
            }
            _pools.Add(id, new CpuPool(id, policy, _timekeeper, Tick));
            return Errno.None;
        }
    }

    internal Errno DestroyPool(uint id)
    {
        using (_lock.Hold())
        {
            if (!_pools.TryGetValue(id, out var pool))
                return Errno.ENOENT;
            if (pool.Domains.Count > 0 || pool.Cpus != 0)
                return Errno.EBUSY;
            pool.Stop();
            _pools.Remove(id);
            return Errno.None;
        }
    }

    /// <summary>What the pool of that number, or the next one, is made of.</summary>
    internal Errno DescribePool(uint from, out CpuPoolFacts facts)
    {
        using (_lock.Hold())
        {
            facts = default;
            foreach (var pool in _pools.Values)
            {
                if (pool.Id < from)
                    continue;
                facts = new CpuPoolFacts(pool.Id, pool.Scheduler, (uint)pool.Domains.Count, pool.Cpus);
                return Errno.None;
            }
            return Errno.ENOENT;
        }
    }

    /// <summary>Gives a pool a free pCPU; <see cref="CpuPools.Any"/>: the first.</summary>
    internal Errno AddCpu(uint id, uint cpu)
    {
        using (_lock.Hold())
        {
            var free = FreeCpus;
            if (cpu == CpuPools.Any)
            {
                if (free == 0)
                    return Errno.ENODEV;
                cpu = (uint)BitOperations.TrailingZeroCount(free);
            }
            if (cpu >= _pcpus.Length)
                return Errno.EINVAL;
            if (!_pools.TryGetValue(id, out var pool))
                return Errno.ENOENT;
            if ((free >> (int)cpu & 1) == 0)
                return Errno.ENODEV;
            _pcpus[cpu].Pool = pool;
            pool.SetCpus(pool.Cpus | 1ul << (int)cpu);
            Rearrange(pool);
            return Errno.None;
        }
    }

    /// <summary>Takes a pCPU out of a pool, and returns when it runs none of its vCPUs; <see cref="CpuPools.Any"/>: the last.</summary>
    internal Errno RemoveCpu(uint id, uint cpu)
    {
        PCpu pcpu;
        using (_lock.Hold())
        {
            if (!_pools.TryGetValue(id, out var pool))
                return Errno.ENOENT;
            if (cpu == CpuPools.Any && pool.Cpus != 0)
                cpu = (uint)BitOperations.Log2(pool.Cpus);
            if (cpu >= _pcpus.Length)
                return Errno.EINVAL;
            if ((pool.Cpus >> (int)cpu & 1) == 0)
                return Errno.EADDRNOTAVAIL;
            var left = pool.Cpus & ~(1ul << (int)cpu);
            if (left == 0 && pool.Domains.Any(domain => domain.Life == DomainLife.Alive))
                return Errno.EBUSY;
            pcpu = _pcpus[cpu];
            pcpu.Pool = null;
            pool.SetCpus(left);
            Rearrange(pool);
            if (pcpu.Current is { } running)
                Interrupt(pcpu, running);
        }
        if (_stepper is not null)
            _stepper.WaitUntil(() => pcpu.Current is null, $"pCPU {pcpu.Index} to give back what it runs");
        var spinner = default(SpinWait);
        while (IsBusy(pcpu))
            spinner.SpinOnce();
        return Errno.None;
    }

    /// <summary>The pool for a new domain.</summary>
    internal Errno FindPool(uint id, out CpuPool? pool)
    {
        using (_lock.Hold())
        {
            if (!_pools.TryGetValue(id, out pool))
                return Errno.ESRCH;
            return pool.Cpus == 0 ? Errno.ENODEV : Errno.None;
        }
    }

    /// <summary>Counts a new domain in its pool.</summary>
    internal void Enter(Domain domain)
    {
        using (_lock.Hold())
            domain.Pool.Domains.Add(domain);
    }

    /// <summary>The domain is gone, its vCPUs were removed.</summary>
    internal void Leave(Domain domain)
    {
        using (_lock.Hold())
            domain.Pool.Domains.Remove(domain);
    }

    /// <summary>Moves a domain to another pool, where it begins with that scheduler's defaults. It is stopped meanwhile.</summary>
    internal Errno Move(Domain domain, uint id)
    {
        using (_lock.Hold())
        {
            if (!_pools.TryGetValue(id, out var pool) || pool.Cpus == 0)
                return Errno.ENOENT;
            // One that is gone is in none.
            if (domain.Life == DomainLife.Dead)
                return Errno.EINVAL;
            if (domain.Pool == pool)
                return Errno.None;
        }
        domain.Pause();
        using (_lock.Hold())
        {
            // Sysctls come one at a time, so the pool is still there.
            var pool = _pools[id];
            foreach (var vcpu in domain.Scheduled)
                Forget(vcpu);
            domain.Pool.Domains.Remove(domain);
            SignalIdle(domain.Pool);
            pool.Domains.Add(domain);
            domain.Pool = pool;
            domain.SchedulingGroup = pool.Policy.CreateGroup();
            foreach (var vcpu in domain.Scheduled)
            {
                var (hard, soft) = (vcpu.Unit.HardAffinity, vcpu.Unit.SoftAffinity);
                vcpu.Unit = CreateUnit(vcpu);
                (vcpu.Unit.HardAffinity, vcpu.Unit.SoftAffinity) = ((hard & pool.Cpus) != 0 ? hard : ulong.MaxValue, soft);
                pool.Confine(vcpu.Unit);
            }
        }
        domain.Unpause();
        return Errno.None;
    }

    /// <summary>
    /// Changes the pCPUs that a vCPU may run on and those that it likes, and tells which of them count now. Null leaves a set as it is.
    /// A hard set without any pCPU of the pool is refused.
    /// </summary>
    internal Errno SetAffinity(Vcpu vcpu, ulong? hard, ulong? soft)
    {
        using (_lock.Hold())
        {
            var (unit, pool) = (vcpu.Unit, PoolOf(vcpu));
            if (hard is { } wanted && (wanted & pool.Cpus) == 0)
                return Errno.EINVAL;
            Bind(pool, unit, hard, soft);
            // What serves its queue goes where it goes.
            if (vcpu.Id.Value < vcpu.Domain.Services.Length && vcpu.Domain.Services[vcpu.Id.Value] is { } service)
                Bind(pool, service.Unit, hard, soft);
            SignalIdle(pool);
            return Errno.None;
        }
    }

    private void Bind(CpuPool pool, SchedulingUnit unit, ulong? hard, ulong? soft)
    {
        unit.HardAffinity = hard ?? unit.HardAffinity;
        unit.SoftAffinity = soft ?? unit.SoftAffinity;
        pool.Confine(unit);
        if (unit.RunningOn >= 0)
        {
            if (!unit.MayRunOn(unit.RunningOn))
                Interrupt(_pcpus[unit.RunningOn], unit);
        }
        else if (unit.Queued)
        {
            // It may be queued for a pCPU that it must not have.
            Unqueue(unit);
            Queue(pool, unit, _clock.Now, woken: false);
        }
    }

    /// <summary>A vCPU's hard and soft affinity as they were asked for.</summary>
    internal (ulong Hard, ulong Soft) AffinityOf(Vcpu vcpu)
    {
        using (_lock.Hold())
            return (vcpu.Unit.HardAffinity & AllCpus, vcpu.Unit.SoftAffinity & AllCpus);
    }

    /// <summary>Runs something that concerns a domain's parameters in its pool's policy.</summary>
    internal Errno Adjust(Domain domain, SchedulerId scheduler, Func<ISchedulerPolicy, Errno> change)
    {
        using (_lock.Hold())
        {
            if (domain.Pool.Scheduler != scheduler)
                return Errno.EINVAL;
            var result = change(domain.Pool.Policy);
            domain.Pool.Arm();
            SignalIdle(domain.Pool);
            return result;
        }
    }

    /// <summary>Changes or tells a pool's own parameters.</summary>
    internal Errno Adjust(ref SysctlSchedulerOp operation)
    {
        using (_lock.Hold())
        {
            if (!_pools.TryGetValue(operation.CpuPoolId, out var pool))
                return Errno.ESRCH;
            return pool.Scheduler == operation.Scheduler ? pool.Policy.Adjust(ref operation) : Errno.EINVAL;
        }
    }

    private bool IsBusy(PCpu pcpu)
    {
        using (_lock.Hold())
            return pcpu.Current is not null && pcpu.Pool is null;
    }

    /// <summary>A pool's pCPUs have changed: who waits may go elsewhere, who runs where it must not is stopped.</summary>
    private void Rearrange(CpuPool pool)
    {
        var now = _clock.Now;
        foreach (var vcpu in pool.Domains.SelectMany(domain => domain.Scheduled))
        {
            if (!vcpu.Unit.Queued)
                continue;
            Unqueue(vcpu.Unit);
            Queue(pool, vcpu.Unit, now, woken: false);
        }
        foreach (var pcpu in _pcpus)
        {
            if (pcpu.Pool == pool && pcpu.Current is { } running && !pool.Policy.MayRun(running, pcpu.Index))
                Interrupt(pcpu, running);
        }
        SignalIdle(pool);
    }
}

/// <summary>What there is to tell of a pool.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Scheduler">Its scheduler.</param>
/// <param name="Domains">How many domains are in it.</param>
/// <param name="Cpus">Its pCPUs, a bit each.</param>
internal readonly record struct CpuPoolFacts(uint Id, SchedulerId Scheduler, uint Domains, ulong Cpus);
