using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="MemoryOperation.IncreaseReservation"/>, <see cref="MemoryOperation.DecreaseReservation"/>, <see cref="MemoryOperation.PopulatePhysmap"/> and <see cref="MemoryOperation.ClaimPages"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_memory_reservation")]
public struct MemoryReservation
{
    public const int WireSize = 32;

    /// <summary>Guest address of an array of frame numbers, the first of each extent: machine frames, or for populate physical ones that the hypervisor replaces.</summary>
    [Xen("extent_start")] public ulong ExtentStart;

    [Xen("nr_extents")] public ulong ExtentCount;

    /// <summary>An extent has 2 to this power frames.</summary>
    [Xen("extent_order")] public uint ExtentOrder;

    /// <summary>Address bits and node, and <see cref="MemoryFlags"/>.</summary>
    [Xen("mem_flags")] public uint Flags;

    [Xen("domid")] public DomId Domain;
}

/// <summary>Argument of <see cref="MemoryOperation.Exchange"/>: trades extents for others of the same total size (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_memory_exchange")]
public struct MemoryExchange
{
    public const int WireSize = 72;

    [Xen("in")] public MemoryReservation In;
    [Xen("out")] public MemoryReservation Out;

    /// <summary>Extents of <see cref="In"/> that have been traded; the hypervisor keeps it up.</summary>
    [Xen("nr_exchanged")] public ulong ExchangedCount;
}

/// <summary>High bits of <see cref="MemoryReservation.Flags"/> (<c>public/memory.h</c>).</summary>
public static class MemoryFlags
{
    [Xen("XENMEMF_populate_on_demand")] public const uint PopulateOnDemand = 0x10000;
    [Xen("XENMEMF_exact_node_request")] public const uint ExactNode = 0x20000;
    [Xen("XENMEMF_vnode")] public const uint VirtualNode = 0x40000;
}
