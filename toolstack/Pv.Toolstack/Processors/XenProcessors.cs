using System.Collections.Concurrent;
using System.Globalization;
using Pv.Abi;
using Pv.Config;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Toolstack.Processors;

/// <summary>The pCPUs by hypercalls. Pools' names are kept here, and stand in xenstore (<c>/local/pool/N/name</c>) for other tools.</summary>
/// <param name="control">The control calls.</param>
/// <param name="store">A privileged client of xenstored.</param>
/// <param name="moved">Told of a domain that is in another pool now.</param>
internal sealed class XenProcessors(HypervisorControl control, IXenStore store, Action<DomId, string> moved) : IProcessors
{
    /// <summary>The most that a weight can be, and what leaves credit's cap as it is.</summary>
    private const int MostWeight = ushort.MaxValue;

    /// <summary>libxl's ERROR_INVAL, negated: the exit code of a create whose pool there is not.</summary>
    private const int Invalid = 6;

    private readonly ConcurrentDictionary<uint, string> _names = new([new(0, "Pool-0")]);

    public int Count => (int)control.PhysicalInfo().CpuCount;

    public CpuMap Free => control.FreeCpus(Count);

    public IReadOnlyList<CpuPoolView> ListPools()
    {
        var all = new List<CpuPoolView>();
        for (uint next = 0; control.GetPool(next, Count) is var (pool, cpus); next = pool.CpuPoolId + 1)
            all.Add(new CpuPoolView(pool.CpuPoolId, NameOf(pool.CpuPoolId), pool.Scheduler, pool.DomainCount, cpus));
        return all;
    }

    public string NameOf(uint pool) => _names.GetValueOrDefault(pool) ?? $"Pool-{pool}";

    /// <summary>The pool that a configuration names, by name or number.</summary>
    public uint PoolOf(DomainConfiguration configuration)
    {
        if (configuration.Pool is not { Length: > 0 } word)
            return 0;
        return Find(ListPools(), word)?.Id ?? throw new ToolstackException($"Domain {configuration.Name}: there is no CPU pool '{word}'.", Invalid);
    }

    public static CpuPoolView? Find(IReadOnlyList<CpuPoolView> pools, string word)
        => word.Length > 0 && word.All(char.IsAsciiDigit) && uint.TryParse(word, CultureInfo.InvariantCulture, out var id)
            ? pools.FirstOrDefault(pool => pool.Id == id)
            : pools.FirstOrDefault(pool => pool.Name == word);

    public async Task<CpuPoolView> CreatePoolAsync(string name, SchedulerId scheduler, CpuMap cpus)
    {
        if (ListPools().Any(pool => pool.Name == name))
            throw new ToolstackException($"There is a CPU pool '{name}' already.");
        var create = new SysctlCpuPoolOp { Operation = CpuPoolOperation.Create, CpuPoolId = CpuPools.Any, Scheduler = scheduler };
        Demand(control.PoolOp(ref create), error => error == Errno.ENOENT
            ? $"This hypervisor has no scheduler {SchedulerNames.Of(scheduler)}." : $"CPU pool '{name}' could not be made: {error}");
        var pool = new CpuPoolView(create.CpuPoolId, name, scheduler, 0, cpus);
        _names[pool.Id] = name;
        try
        {
            AddCpus(pool, cpus);
        }
        catch (ToolstackException)
        {
            await DestroyPoolAsync(pool);
            throw;
        }
        await store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync($"/local/pool/{pool.Id}/uuid", $"{Guid.NewGuid()}");
            await nodes.WriteAsync($"/local/pool/{pool.Id}/name", name);
        });
        return pool;
    }

    public async Task DestroyPoolAsync(CpuPoolView pool)
    {
        if (pool.Domains > 0)
            throw new ToolstackException($"CPU pool '{pool.Name}' is used by domains ({pool.Domains}); move them first (xl cpupool-migrate).");
        foreach (var cpu in ListPools().First(now => now.Id == pool.Id).Cpus.Cpus)
            RemoveCpu(pool, cpu);
        var destroy = new SysctlCpuPoolOp { Operation = CpuPoolOperation.Destroy, CpuPoolId = pool.Id };
        Demand(control.PoolOp(ref destroy), error => $"CPU pool '{pool.Name}' could not be removed: {error}");
        _names.TryRemove(pool.Id, out _);
        await store.RemoveAsync($"/local/pool/{pool.Id}");
    }

    public async Task RenamePoolAsync(CpuPoolView pool, string name)
    {
        if (ListPools().Any(other => other.Id != pool.Id && other.Name == name))
            throw new ToolstackException($"There is a CPU pool '{name}' already.");
        _names[pool.Id] = name;
        // A restart finds its pool by the name that it has then.
        foreach (var domain in control.ListDomains().Where(domain => domain.CpuPool == pool.Id && domain.Domain != DomId.Dom0))
            moved(domain.Domain, name);
        await store.WriteAsync($"/local/pool/{pool.Id}/name", name);
    }

    public void AddCpus(CpuPoolView pool, CpuMap cpus)
    {
        foreach (var cpu in cpus.Cpus)
        {
            var add = new SysctlCpuPoolOp { Operation = CpuPoolOperation.AddCpu, CpuPoolId = pool.Id, Cpu = (uint)cpu };
            Demand(control.PoolOp(ref add), error => error == Errno.ENODEV
                ? $"CPU {cpu} is not free: take it out of its pool first (xl cpupool-cpu-remove)." : $"CPU {cpu} could not be given to '{pool.Name}': {error}");
        }
    }

    public void RemoveCpus(CpuPoolView pool, CpuMap cpus)
    {
        foreach (var cpu in cpus.Cpus)
            RemoveCpu(pool, cpu);
    }

    public void MoveDomain(DomId domain, CpuPoolView pool)
    {
        if (domain == DomId.Dom0)
            throw new ToolstackException("Domain 0 stays in Pool-0.");
        var move = new SysctlCpuPoolOp { Operation = CpuPoolOperation.MoveDomain, CpuPoolId = pool.Id, Domain = domain.Value };
        Demand(control.PoolOp(ref move), error => error == Errno.ENOENT
            ? $"CPU pool '{pool.Name}' has no CPU." : $"Domain {domain.Value} could not be moved to '{pool.Name}': {error}");
        moved(domain, pool.Name);
    }

    public void Pin(DomId domain, VcpuId vcpu, CpuMap? hard, CpuMap? soft)
        => Demand(control.SetAffinity(domain, vcpu, hard, soft), error => error == Errno.EINVAL
            ? $"Domain {domain.Value}, vCPU {vcpu.Value}: its pool has none of the CPUs {hard}."
            : $"Could not set affinity for vcpu `{vcpu.Value}' of domain {domain.Value}: {error}");

    public DomctlSchedulerOp GetParameters(DomId domain, SchedulerId scheduler)
    {
        var get = new DomctlSchedulerOp { Scheduler = scheduler, Command = SchedulerCommand.GetInfo };
        Demand(control.SchedulerOp(domain, ref get), error => NotUnder(domain, scheduler, error));
        return get;
    }

    public void SetShare(DomId domain, SchedulerId scheduler, int? weight, int? cap)
    {
        if (weight is < 1 or > MostWeight)
            throw new ToolstackException($"Domain {domain.Value}: a weight is from 1 to {MostWeight}, not {weight}.");
        var most = 100 * Math.Max(1, GetDomain(domain).MaxVcpuId + 1);
        if (cap < 0 || cap > most)
            throw new ToolstackException($"Domain {domain.Value}: a cap is from 0 (none) to {most} per cent with so many vCPUs, not {cap}.");
        var set = GetParameters(domain, scheduler);
        set.Command = SchedulerCommand.PutInfo;
        // Credit has them at the same place.
        set.Credit2.Weight = (ushort)(weight ?? set.Credit2.Weight);
        set.Credit2.Cap = (ushort)(cap ?? set.Credit2.Cap);
        Demand(control.SchedulerOp(domain, ref set), error => NotUnder(domain, scheduler, error));
    }

    public DomctlSchedVcpu[] GetRealTime(DomId domain)
    {
        var vcpus = new DomctlSchedVcpu[GetDomain(domain).MaxVcpuId + 1];
        for (uint i = 0; i < vcpus.Length; i++)
            vcpus[i].Vcpu = new VcpuId(i);
        Demand(control.SchedulerOp(domain, SchedulerId.Rtds, SchedulerCommand.GetVcpuInfo, vcpus), error => NotUnder(domain, SchedulerId.Rtds, error));
        return vcpus;
    }

    public void SetRealTime(DomId domain, DomctlSchedVcpu[] vcpus)
    {
        foreach (var vcpu in vcpus)
        {
            if (vcpu.Rtds.Period < 10 || vcpu.Rtds.Budget < 10 || vcpu.Rtds.Budget > vcpu.Rtds.Period)
            {
                throw new ToolstackException(
                    $"Domain {domain.Value}, vCPU {vcpu.Vcpu.Value}: period and budget are 10 microseconds at least, and the budget no more than the period; {vcpu.Rtds.Budget} of {vcpu.Rtds.Period} are not.");
            }
        }
        Demand(control.SchedulerOp(domain, SchedulerId.Rtds, SchedulerCommand.PutVcpuInfo, vcpus), error => NotUnder(domain, SchedulerId.Rtds, error));
    }

    public SysctlSchedulerOp GetParameters(CpuPoolView pool)
    {
        var get = new SysctlSchedulerOp { CpuPoolId = pool.Id, Scheduler = pool.Scheduler, Command = SysctlSchedulerCommand.GetInfo };
        Demand(control.SchedulerOp(ref get), error => $"CPU pool '{pool.Name}' has no parameters: {error}");
        return get;
    }

    public void SetParameters(CpuPoolView pool, SysctlSchedulerOp parameters)
    {
        parameters.Command = SysctlSchedulerCommand.PutInfo;
        Demand(control.SchedulerOp(ref parameters), error => error == Errno.EINVAL
            ? $"CPU pool '{pool.Name}': out of range. A time slice is from {SchedulerLimits.MinTimeSliceMilliseconds} to {SchedulerLimits.MaxTimeSliceMilliseconds} ms; a rate limit 0, or from {SchedulerLimits.MinRateLimitMicroseconds} to {SchedulerLimits.MaxRateLimitMicroseconds} us and no longer than the slice; a migration delay up to {SchedulerLimits.MaxMigrationDelayMicroseconds} us."
            : $"CPU pool '{pool.Name}': {error}");
    }

    /// <summary>Does what a configuration says of a new domain's processors.</summary>
    public void Place(DomId domain, DomainConfiguration configuration)
    {
        for (var i = 0; i < configuration.EffectiveMaxVcpus; i++)
        {
            var (hard, soft) = (At(configuration.HardAffinity, i), At(configuration.SoftAffinity, i));
            if (hard is not null || soft is not null)
                Pin(domain, new VcpuId((uint)i), hard, soft);
        }
        var wanted = configuration.Scheduler;
        var scheduler = SchedulerOf(domain);
        switch (scheduler)
        {
            case SchedulerId.Credit or SchedulerId.Credit2 when wanted.Weight is not null || wanted.Cap is not null:
                SetShare(domain, scheduler, wanted.Weight, wanted.Cap);
                break;
            // The file's word for the budget is slice.
            case SchedulerId.Rtds when (wanted.Period ?? wanted.Budget ?? wanted.Slice ?? wanted.ExtraTime) is not null:
                var vcpus = GetRealTime(domain);
                foreach (ref var vcpu in vcpus.AsSpan())
                {
                    vcpu.Rtds.Period = (uint)(wanted.Period ?? (int)vcpu.Rtds.Period);
                    vcpu.Rtds.Budget = (uint)(wanted.Budget ?? wanted.Slice ?? (int)Math.Min(vcpu.Rtds.Budget, vcpu.Rtds.Period));
                    if (wanted.ExtraTime is { } extra)
                        vcpu.Rtds.Flags = extra != 0 ? SchedRtdsFlags.ExtraTime : SchedRtdsFlags.None;
                }
                SetRealTime(domain, vcpus);
                break;
        }

        // One without a CPU is refused where the file says how many vCPUs there are, and otherwise says nothing, as with xl.
        static CpuMap? At(IReadOnlyList<CpuMap>? maps, int i) => i < maps?.Count && maps[i].Count > 0 ? maps[i] : null;
    }

    private SchedulerId SchedulerOf(DomId domain)
    {
        var id = GetDomain(domain).CpuPool;
        return control.GetPool(id, Count)?.Pool.Scheduler ?? throw new ToolstackException($"There is no CPU pool {id}.");
    }

    private DomctlGetDomainInfo GetDomain(DomId domain)
        => control.GetDomainInfo(domain) ?? throw new ToolstackException($"Domain {domain.Value} does not exist (rc=-21)");

    private void RemoveCpu(CpuPoolView pool, int cpu)
    {
        var remove = new SysctlCpuPoolOp { Operation = CpuPoolOperation.RemoveCpu, CpuPoolId = pool.Id, Cpu = (uint)cpu };
        Demand(control.PoolOp(ref remove), error => error switch
        {
            Errno.EBUSY => $"CPU {cpu} is the last one of '{pool.Name}', and domains run there.",
            Errno.EINVAL => $"CPU {cpu} is not in '{pool.Name}'.",
            _ => $"CPU {cpu} could not be taken out of '{pool.Name}': {error}",
        });
    }

    private static string NotUnder(DomId domain, SchedulerId scheduler, Errno error)
        => error == Errno.EINVAL ? $"Domain {domain.Value} is in no pool of the {SchedulerNames.Of(scheduler)} scheduler." : $"Domain {domain.Value}: {error}";

    private static void Demand(Errno error, Func<Errno, string> sentence)
    {
        if (error != Errno.None)
            throw new ToolstackException(sentence(error));
    }
}
