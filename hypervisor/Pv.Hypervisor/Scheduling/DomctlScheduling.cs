using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Scheduling;

/// <summary>The parts of <c>domctl</c> that are about scheduling.</summary>
internal static class DomctlScheduling
{
    public static HypercallResult Handle(Domain domain, ref DomctlSchedulerOp operation)
    {
        if ((uint)operation.Scheduler != domain.Core.Scheduler.Policy.Number)
            return Errno.EINVAL;
        switch (operation.Command)
        {
            case SchedulerCommand.PutInfo when operation.Credit2.Weight == 0:
                return Errno.EINVAL;
            case SchedulerCommand.PutInfo:
                domain.SchedulingWeight = operation.Credit2.Weight;
                domain.SchedulingCap = operation.Credit2.Cap;
                return HypercallResult.Success;
            case SchedulerCommand.GetInfo:
                operation.Credit2.Weight = domain.SchedulingWeight;
                operation.Credit2.Cap = domain.SchedulingCap;
                return HypercallResult.Success;
            default:
                return Errno.ENOSYS;
        }
    }

    public static HypercallResult Affinity(ref HypercallContext call, Domain domain, DomctlVcpuAffinity affinity, bool set)
    {
        if (affinity.Vcpu.Value >= (uint)domain.Vcpus.Length || domain.Vcpus[affinity.Vcpu.Value] is not { } vcpu)
            return Errno.ESRCH;
        var all = call.Core.Scheduler.PCpuCount == 64 ? ulong.MaxValue : (1ul << call.Core.Scheduler.PCpuCount) - 1;
        if ((affinity.Flags & VcpuAffinityFlags.Hard) == 0)
            return Errno.EOPNOTSUPP;
        var bytes = (int)Math.Min((affinity.Hard.BitCount + 7) / 8, sizeof(ulong));
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        bits.Clear();
        if (!set)
        {
            BitConverter.TryWriteBytes(bits, vcpu.Unit.HardAffinity & all);
            return call.TryWrite(affinity.Hard.Bitmap, bits[..bytes]) ? HypercallResult.Success : Errno.EFAULT;
        }
        if (!call.TryRead(affinity.Hard.Bitmap, bits[..bytes]))
            return Errno.EFAULT;
        var wanted = BitConverter.ToUInt64(bits) & all;
        if (wanted == 0)
            return Errno.EINVAL;
        call.Core.Scheduler.SetHardAffinity(vcpu, wanted);
        return HypercallResult.Success;
    }
}
