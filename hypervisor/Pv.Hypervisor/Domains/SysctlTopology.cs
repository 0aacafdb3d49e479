using System.Buffers.Binary;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Domains;

/// <summary>The parts of <c>sysctl</c> about what the machine is put together from: pCPUs that are cores of one socket, one node of memory, no devices.</summary>
internal static class SysctlTopology
{
    /// <summary>Xen counts nodes up to this; there is one.</summary>
    public const uint MostNodes = 64;

    // XEN_INVALID_DEV: no such device.
    private const uint InvalidDevice = 0xffff_fffe;

    // SYSCTL_*_RANGE: how far a node is from itself.
    private const uint LocalDistance = 10;

    // struct xen_sysctl_page_offline_op: the command (online, offline, query), the first frame, the last.
    private const uint QueryOffline = 2;
    private const int FirstFrameAt = sizeof(uint), LastFrameAt = 2 * sizeof(uint);

    private const int AddressBits = 64;

    public static HypercallResult Cpus(ref HypercallContext call, ref SysctlCpuTopologyInfo info)
    {
        var count = (uint)call.Core.Scheduler.PCpuCount;
        info.CpuCount = info.Topology == 0 ? count : Math.Min(info.CpuCount, count);
        for (uint i = 0; info.Topology != 0 && i < info.CpuCount; i++)
        {
            if (!call.TryWrite(info.Topology + (i * (ulong)SysctlCpuTopology.WireSize), new SysctlCpuTopology { Core = i }))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }

    public static HypercallResult Nodes(ref HypercallContext call, ref SysctlNumaInfo info)
    {
        var isQuestion = info.MemoryInfo == 0 && info.Distances == 0;
        info.NodeCount = isQuestion ? 1 : Math.Min(info.NodeCount, 1);
        if (isQuestion || info.NodeCount == 0)
            return HypercallResult.Success;
        var memory = new SysctlMemoryInfo { Size = call.Core.Memory.FrameCount << PageSize.Shift, Free = call.Core.FreeFrames << PageSize.Shift };
        if (info.MemoryInfo != 0 && !call.TryWrite(info.MemoryInfo, memory))
            return Errno.EFAULT;
        return info.Distances == 0 || call.TryWrite(info.Distances, LocalDistance) ? HypercallResult.Success : Errno.EFAULT;
    }

    public static HypercallResult Devices(ref HypercallContext call, ref SysctlPciTopologyInfo info)
    {
        if (info.Devices == 0 || info.Nodes == 0)
            return Errno.EINVAL;
        for (uint i = 0; i < info.DeviceCount; i++)
        {
            if (!call.TryWrite(info.Nodes + (i * (ulong)sizeof(uint)), InvalidDevice))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }

    /// <summary>All pCPUs are online, and stay so.</summary>
    public static HypercallResult Plug(HypervisorCore core, in SysctlCpuHotplug hotplug)
    {
        if (hotplug.Operation is not (CpuHotplugOperation.Online or CpuHotplugOperation.Offline))
            return Errno.EOPNOTSUPP;
        if (hotplug.Cpu >= (uint)core.Scheduler.PCpuCount)
            return Errno.EINVAL;
        if (hotplug.Operation == CpuHotplugOperation.Online)
            return Errno.EEXIST;
        return hotplug.Cpu == 0 ? Errno.EINVAL : Errno.EOPNOTSUPP;
    }

    /// <summary>No frame fails; taking one out of use, or back, is not for this memory.</summary>
    public static HypercallResult TakeOffline(HypervisorCore core, ReadOnlySpan<byte> argument)
    {
        var command = BinaryPrimitives.ReadUInt32LittleEndian(argument);
        var (first, last) = (BinaryPrimitives.ReadUInt32LittleEndian(argument[FirstFrameAt..]), BinaryPrimitives.ReadUInt32LittleEndian(argument[LastFrameAt..]));
        return command > QueryOffline || last < first || last >= core.Memory.FrameCount ? Errno.EINVAL : Errno.EOPNOTSUPP;
    }

    /// <summary>What is free below 2^max and from 2^min on, of a node or (negative) of all.</summary>
    public static HypercallResult AvailableHeap(HypervisorCore core, ref SysctlAvailableHeap heap)
    {
        var (from, end) = (heap.MinBitWidth == 0 ? 0 : Frame(heap.MinBitWidth), heap.MaxBitWidth == 0 ? ulong.MaxValue : Frame(heap.MaxBitWidth));
        heap.AvailableBytes = heap.Node > 0 ? 0 : core.Allocator.FreeBetween(from, end) << PageSize.Shift;
        return HypercallResult.Success;
    }

    private static ulong Frame(uint addressBits) => addressBits >= AddressBits ? ulong.MaxValue : 1ul << (int)Math.Max(addressBits, PageSize.Shift) >> PageSize.Shift;
}
