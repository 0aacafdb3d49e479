using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Domains;

/// <summary>
/// The nodes that a domain shall believe in: how far they are from each other, which vCPUs and which memory are whose. The toolstack says it once,
/// the guest may ask; the machine itself has one node.
/// </summary>
internal sealed class VirtualNodes
{
    // As many as fit a page, of each list.
    private const uint MostNodes = 32, MostRanges = PageSize.Bytes / VirtualMemoryRange.WireSize;

    private readonly uint[] _distances, _nodeOfVcpu;
    private readonly VirtualMemoryRange[] _ranges;
    private readonly uint _count;

    private VirtualNodes(uint count, uint[] distances, uint[] nodeOfVcpu, VirtualMemoryRange[] ranges)
    {
        (_count, _distances, _nodeOfVcpu, _ranges) = (count, distances, nodeOfVcpu, ranges);
    }

    /// <summary><c>XEN_DOMCTL_setvnumainfo</c>.</summary>
    public static HypercallResult Set(ref HypercallContext call, Domain domain, in DomctlVnuma vnuma)
    {
        if (domain.Kind == DomainKind.Control || vnuma.VnodeCount is 0 or > MostNodes || vnuma.VmemrangeCount > MostRanges || vnuma.VcpuCount != (uint)domain.Vcpus.Length)
            return Errno.EINVAL;
        var distances = new uint[vnuma.VnodeCount * vnuma.VnodeCount];
        var (nodeOfVcpu, physical) = (new uint[vnuma.VcpuCount], new uint[vnuma.VnodeCount]);
        var ranges = new VirtualMemoryRange[vnuma.VmemrangeCount];
        if (!TryRead(ref call, vnuma.Distances, distances) || !TryRead(ref call, vnuma.VcpuToVnode, nodeOfVcpu)
            || !TryRead(ref call, vnuma.VnodeToPnode, physical) || !TryRead(ref call, vnuma.Ranges, ranges))
            return Errno.EFAULT;
        var count = vnuma.VnodeCount;
        if (nodeOfVcpu.AsSpan().ContainsAnyExceptInRange(0u, count - 1))
            return Errno.E2BIG;
        if (Array.Exists(ranges, range => range.Flags != 0))
            return Errno.EINVAL;
        domain.VirtualNodes = new VirtualNodes(count, distances, nodeOfVcpu, ranges);
        return HypercallResult.Success;
    }

    /// <summary><c>XENMEM_get_vnumainfo</c>: all of it, or how much room it takes.</summary>
    public HypercallResult Tell(ref HypercallContext call, ulong argument, VnumaTopologyInfo info)
    {
        var isTooSmall = info.VnodeCount < _count || info.VcpuCount < (uint)_nodeOfVcpu.Length || info.VmemrangeCount < (uint)_ranges.Length;
        if (!isTooSmall && (!TryWrite(ref call, info.Ranges, _ranges) || !TryWrite(ref call, info.Distances, _distances) || !TryWrite(ref call, info.VcpuToNode, _nodeOfVcpu)))
            return Errno.EFAULT;
        (info.VnodeCount, info.VcpuCount, info.VmemrangeCount) = (_count, (uint)_nodeOfVcpu.Length, (uint)_ranges.Length);
        return !call.TryWrite(argument, info) ? Errno.EFAULT : isTooSmall ? Errno.ENOBUFS : HypercallResult.Success;
    }

    private static bool TryRead<T>(ref HypercallContext call, ulong address, T[] list) where T : unmanaged
        => address != 0 && call.TryRead(address, MemoryMarshal.AsBytes(list.AsSpan()));

    private static bool TryWrite<T>(ref HypercallContext call, ulong address, T[] list) where T : unmanaged
        => address != 0 && call.TryWrite(address, MemoryMarshal.AsBytes<T>(list));
}
