using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Scheduling;

/// <summary><c>XEN_SYSCTL_cpupool_op</c>.</summary>
internal static class CpuPoolOperations
{
    public static HypercallResult Handle(ref HypercallContext call, ref SysctlCpuPoolOp operation)
    {
        var scheduler = call.Core.Scheduler;
        return operation.Operation switch
        {
            CpuPoolOperation.Create => scheduler.CreatePool(operation.CpuPoolId, operation.Scheduler, out operation.CpuPoolId),
            CpuPoolOperation.Destroy => scheduler.DestroyPool(operation.CpuPoolId),
            CpuPoolOperation.Info => Describe(ref call, ref operation),
            CpuPoolOperation.AddCpu => scheduler.AddCpu(operation.CpuPoolId, operation.Cpu),
            CpuPoolOperation.RemoveCpu => scheduler.RemoveCpu(operation.CpuPoolId, operation.Cpu),
            CpuPoolOperation.MoveDomain => Move(ref call, operation),
            CpuPoolOperation.FreeInfo => DomctlScheduling.TryWrite(ref call, operation.CpuMap, scheduler.FreeCpus) ? Errno.None : Errno.EFAULT,
            _ => Errno.ENOSYS,
        };
    }

    private static Errno Describe(ref HypercallContext call, ref SysctlCpuPoolOp operation)
    {
        if (call.Core.Scheduler.DescribePool(operation.CpuPoolId, out var facts) is not Errno.None and var error)
            return error;
        operation.CpuPoolId = facts.Id;
        operation.Scheduler = facts.Scheduler;
        operation.DomainCount = facts.Domains;
        return DomctlScheduling.TryWrite(ref call, operation.CpuMap, facts.Cpus) ? Errno.None : Errno.EFAULT;
    }

    private static Errno Move(ref HypercallContext call, in SysctlCpuPoolOp operation)
    {
        if (operation.Domain > ushort.MaxValue || call.Core.Domains.Find(new DomId((ushort)operation.Domain)) is not { } domain)
            return Errno.ESRCH;
        // Who asks stays where it is, as with Xen: domain 0 does not leave its pool.
        return domain == call.Caller ? Errno.EPERM : call.Core.Scheduler.Move(domain, operation.CpuPoolId);
    }
}
