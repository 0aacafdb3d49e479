using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Scheduling;

/// <summary>The parts of <c>domctl</c> that are about scheduling.</summary>
internal static class DomctlScheduling
{
    /// <summary><c>XEN_DOMCTL_scheduler_op</c>: the parameters of a domain, or of some of its vCPUs.</summary>
    public static HypercallResult Handle(ref HypercallContext call, Domain domain, ref DomctlSchedulerOp operation)
    {
        switch (operation.Command)
        {
            case SchedulerCommand.PutInfo or SchedulerCommand.GetInfo:
                var changed = operation;
                var units = domain.Scheduled.Select(vcpu => vcpu.Unit).ToArray();
                var error = call.Core.Scheduler.Adjust(
                    domain, operation.Scheduler, policy => policy.Adjust(domain.SchedulingGroup, units, ref changed));
                operation = changed;
                return error;
            case SchedulerCommand.PutVcpuInfo or SchedulerCommand.GetVcpuInfo:
                return EachVcpu(ref call, domain, operation);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary><c>XEN_DOMCTL_setvcpuaffinity</c> and <c>getvcpuaffinity</c>. After a change the sets are told as they work.</summary>
    public static HypercallResult Affinity(ref HypercallContext call, Domain domain, DomctlVcpuAffinity affinity, bool set)
    {
        var (withHard, withSoft) = (affinity.Flags.HasFlag(VcpuAffinityFlags.Hard), affinity.Flags.HasFlag(VcpuAffinityFlags.Soft));
        // Flags that say nothing here pass, as with Xen.
        if (domain.FindVcpu(affinity.Vcpu) is not { } vcpu || affinity.Flags == 0
            || (withHard && affinity.Hard.Bitmap == 0) || (withSoft && affinity.Soft.Bitmap == 0))
            return Errno.EINVAL;
        if (set)
        {
            ulong hard = 0, soft = 0;
            if ((withHard && !TryRead(ref call, affinity.Hard, out hard)) || (withSoft && !TryRead(ref call, affinity.Soft, out soft)))
                return Errno.EFAULT;
            if (call.Core.Scheduler.SetAffinity(vcpu, withHard ? hard : null, withSoft ? soft : null) is not Errno.None and var refused)
                return refused;
        }
        var (hardNow, softNow) = call.Core.Scheduler.AffinityOf(vcpu);
        if (set)
        {
            hardNow &= vcpu.Unit.Allowed;
            softNow &= hardNow;
        }
        return (withHard && !TryWrite(ref call, affinity.Hard, hardNow)) || (withSoft && !TryWrite(ref call, affinity.Soft, softNow))
            ? Errno.EFAULT : HypercallResult.Success;
    }

    /// <summary>A set of pCPUs from the caller's memory: of what it gives, as much as there may be pCPUs.</summary>
    internal static bool TryRead(ref HypercallContext call, XenctlBitmap bitmap, out ulong cpus)
    {
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        bits.Clear();
        var isRead = call.TryRead(bitmap.Bitmap, bits[..BytesOf(bitmap)]);
        cpus = BitConverter.ToUInt64(bits);
        if (bitmap.BitCount < sizeof(ulong) * 8)
            cpus &= (1ul << (int)bitmap.BitCount) - 1;
        return isRead;
    }

    internal static bool TryWrite(ref HypercallContext call, XenctlBitmap bitmap, ulong cpus)
    {
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        BitConverter.TryWriteBytes(bits, cpus);
        if (!call.TryWrite(bitmap.Bitmap, bits[..BytesOf(bitmap)]))
            return false;
        // What the caller has room for beyond what there may be is empty.
        bits.Clear();
        for (ulong at = sizeof(ulong), end = (bitmap.BitCount + 7ul) / 8; at < end; at += sizeof(ulong))
        {
            if (!call.TryWrite(bitmap.Bitmap + at, bits[..(int)Math.Min(end - at, sizeof(ulong))]))
                return false;
        }
        return true;
    }

    private static int BytesOf(XenctlBitmap bitmap) => (int)Math.Min((bitmap.BitCount + 7ul) / 8, sizeof(ulong));

    private static HypercallResult EachVcpu(ref HypercallContext call, Domain domain, in DomctlSchedulerOp operation)
    {
        if (call.Core.Scheduler.Adjust(domain, operation.Scheduler, policy => policy.HasVcpuParameters ? Errno.None : Errno.EINVAL) is not Errno.None and var absent)
            return absent;
        for (ulong i = 0; i < operation.VcpuCount; i++)
        {
            var address = operation.Vcpus + i * DomctlSchedVcpu.WireSize;
            if (!call.TryRead(address, out DomctlSchedVcpu parameters))
                return Errno.EFAULT;
            if (domain.FindVcpu(parameters.Vcpu) is not { } vcpu)
                return Errno.EINVAL;
            var isSet = operation.Command == SchedulerCommand.PutVcpuInfo;
            var error = call.Core.Scheduler.Adjust(
                domain, operation.Scheduler, policy => isSet ? policy.Set(vcpu.Unit, parameters) : policy.Get(vcpu.Unit, ref parameters));
            if (error != Errno.None)
                return error;
            if (!isSet && !call.TryWrite(address, parameters))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }
}
