using Pv.Abi;
using Pv.Config;
using Pv.Guest;
using Pv.Machine.Gate;

namespace Pv.Toolstack.Hypervisor;

/// <content>Where vCPUs run and how much: affinity, schedulers' parameters, CPU pools.</content>
public sealed partial class HypervisorControl
{
    /// <summary>The pCPUs, out of so many, on which a vCPU may run, and those on which it should.</summary>
    public (CpuMap Hard, CpuMap Soft) GetAffinity(DomId domain, VcpuId vcpu, int cpus)
    {
        var (hard, soft) = (new byte[(cpus + 7) / 8], new byte[(cpus + 7) / 8]);
        using var hardPin = HostPin.Of(hard);
        using var softPin = HostPin.Of(soft);
        var argument = new DomctlVcpuAffinity
        {
            Vcpu = vcpu, Flags = VcpuAffinityFlags.Hard | VcpuAffinityFlags.Soft,
            Hard = new XenctlBitmap { Bitmap = hardPin.Address, BitCount = (uint)cpus },
            Soft = new XenctlBitmap { Bitmap = softPin.Address, BitCount = (uint)cpus },
        };
        Domctl(DomctlOperation.GetVcpuAffinity, domain, ref argument).OrThrow("XEN_DOMCTL_getvcpuaffinity");
        return (Map(hard, cpus), Map(soft, cpus));
    }

    /// <summary>Changes them; null leaves a set as it is.</summary>
    public Errno SetAffinity(DomId domain, VcpuId vcpu, CpuMap? hard, CpuMap? soft)
    {
        var (hardBits, softBits) = (Bits(hard), Bits(soft));
        using var hardPin = HostPin.Of(hardBits);
        using var softPin = HostPin.Of(softBits);
        var argument = new DomctlVcpuAffinity
        {
            Vcpu = vcpu,
            Flags = (hard is null ? 0 : VcpuAffinityFlags.Hard) | (soft is null ? 0 : VcpuAffinityFlags.Soft),
            Hard = new XenctlBitmap { Bitmap = hardPin.Address, BitCount = (uint)(hard?.Size ?? 0) },
            Soft = new XenctlBitmap { Bitmap = softPin.Address, BitCount = (uint)(soft?.Size ?? 0) },
        };
        return Domctl(DomctlOperation.SetVcpuAffinity, domain, ref argument);
    }

    /// <summary>Reads or changes what a scheduler keeps of a domain.</summary>
    public Errno SchedulerOp(DomId domain, ref DomctlSchedulerOp operation) => Domctl(DomctlOperation.SchedulerOp, domain, ref operation);

    /// <summary>Reads or changes what RTDS keeps of vCPUs; the array is read and written.</summary>
    public Errno SchedulerOp(DomId domain, SchedulerId scheduler, SchedulerCommand command, DomctlSchedVcpu[] vcpus)
    {
        using var pin = HostPin.Of(vcpus);
        var operation = new DomctlSchedulerOp { Scheduler = scheduler, Command = command, Vcpus = pin.Address, VcpuCount = (uint)vcpus.Length };
        return SchedulerOp(domain, ref operation);
    }

    /// <summary>Reads or changes a pool's own parameters.</summary>
    public Errno SchedulerOp(ref SysctlSchedulerOp operation) => Sysctl(SysctlOperation.SchedulerOp, ref operation);

    /// <summary>The pool of that number or the next one; null when there is none.</summary>
    public (SysctlCpuPoolOp Pool, CpuMap Cpus)? GetPool(uint from, int cpus)
    {
        var operation = new SysctlCpuPoolOp { Operation = CpuPoolOperation.Info, CpuPoolId = from };
        return PoolOp(ref operation, cpus, out var map) == Errno.None ? (operation, map) : null;
    }

    /// <summary>The pCPUs that are in no pool.</summary>
    public CpuMap FreeCpus(int cpus)
    {
        var operation = new SysctlCpuPoolOp { Operation = CpuPoolOperation.FreeInfo };
        PoolOp(ref operation, cpus, out var map).OrThrow("XEN_SYSCTL_CPUPOOL_OP_FREEINFO");
        return map;
    }

    /// <summary>An operation on a pool that wants no map.</summary>
    public Errno PoolOp(ref SysctlCpuPoolOp operation) => Sysctl(SysctlOperation.CpuPoolOp, ref operation);

    private Errno PoolOp(ref SysctlCpuPoolOp operation, int cpus, out CpuMap map)
    {
        var bits = new byte[(cpus + 7) / 8];
        using var pin = HostPin.Of(bits);
        operation.CpuMap = new XenctlBitmap { Bitmap = pin.Address, BitCount = (uint)cpus };
        var error = PoolOp(ref operation);
        map = Map(bits, cpus);
        return error;
    }

    private static CpuMap Map(byte[] bits, int cpus)
    {
        var map = new CpuMap(cpus);
        for (var cpu = 0; cpu < cpus; cpu++)
            map[cpu] = (bits[cpu >> 3] >> (cpu & 7) & 1) != 0;
        return map;
    }

    private static byte[] Bits(CpuMap? map)
    {
        var bits = new byte[Math.Max(1, ((map?.Size ?? 0) + 7) / 8)];
        foreach (var cpu in map?.Cpus ?? [])
            bits[cpu >> 3] |= (byte)(1 << (cpu & 7));
        return bits;
    }
}
