using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="MemoryOperation.CurrentReservation"/>, <see cref="MemoryOperation.MaximumReservation"/> and <see cref="MemoryOperation.MaximumGpfn"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_memory_domain")]
public struct MemoryDomain
{
    public const int WireSize = 2;

    [Xen("domid")] public DomId Domain;
}

/// <summary>Result of <see cref="MemoryOperation.MachphysMapping"/>: where the machine-to-physical table is (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_machphys_mapping")]
public struct MachinePhysicalMapping
{
    public const int WireSize = 24;

    [Xen("v_start")] public ulong VirtualStart;
    [Xen("v_end")] public ulong VirtualEnd;
    [Xen("max_mfn")] public Mfn MaxMfn;
}

/// <summary>Argument of <see cref="MemoryOperation.MachphysMfnList"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_machphys_mfn_list")]
public struct MachinePhysicalMfnList
{
    public const int WireSize = 24;

    [Xen("max_extents")] public uint MaxExtents;
    [Xen("extent_start")] public ulong ExtentStart;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("nr_extents")] public uint ExtentCount;
}

/// <summary>Argument of <see cref="MemoryOperation.AddToPhysmap"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_add_to_physmap")]
public struct AddToPhysmap
{
    public const int WireSize = 24;

    [Xen("domid")] public DomId Domain;
    [Xen("size")] public ushort Size;
    [Xen("space")] public PhysmapSpace Space;
    [Xen("idx")] public ulong Index;
    [Xen("gpfn")] public Pfn Gpfn;
}

/// <summary>The space's own argument of <see cref="AddToPhysmapBatch"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("union xen_add_to_physmap_batch_extra")]
public struct AddToPhysmapBatchExtra
{
    public const int WireSize = 2;

    [Xen("foreign_domid")] public DomId ForeignDomain;
}

/// <summary>Argument of <see cref="MemoryOperation.AddToPhysmapBatch"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_add_to_physmap_batch")]
public struct AddToPhysmapBatch
{
    public const int WireSize = 32;

    [Xen("domid")] public DomId Domain;
    [Xen("space")] public ushort Space;
    [Xen("size")] public ushort Size;
    [Xen("u")] public AddToPhysmapBatchExtra Extra;
    [Xen("idxs")] public ulong Indices;
    [Xen("gpfns")] public ulong Gpfns;
    [Xen("errs")] public ulong Errors;
}

/// <summary>Argument of <see cref="MemoryOperation.RemoveFromPhysmap"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_remove_from_physmap")]
public struct RemoveFromPhysmap
{
    public const int WireSize = 16;

    [Xen("domid")] public DomId Domain;
    [Xen("gpfn")] public Pfn Gpfn;
}

/// <summary>Argument of <see cref="MemoryOperation.MemoryMap"/> and <see cref="MemoryOperation.MachineMemoryMap"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_memory_map")]
public struct MemoryMap
{
    public const int WireSize = 16;

    /// <summary>Room in the buffer; the hypervisor writes how many there are.</summary>
    [Xen("nr_entries")] public uint EntryCount;

    /// <summary>Guest address of an array of BIOS memory map entries, 20 bytes each.</summary>
    [Xen("buffer")] public ulong Buffer;
}

/// <summary>Argument of <see cref="MemoryOperation.SetMemoryMap"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_foreign_memory_map")]
public struct ForeignMemoryMap
{
    public const int WireSize = 24;

    [Xen("domid")] public DomId Domain;
    [Xen("map")] public MemoryMap Map;
}

/// <summary>Argument of <see cref="MemoryOperation.SetPodTarget"/> and <see cref="MemoryOperation.GetPodTarget"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_pod_target")]
public struct PodTarget
{
    public const int WireSize = 40;

    [Xen("target_pages")] public ulong TargetPages;
    [Xen("tot_pages")] public ulong TotalPages;
    [Xen("pod_cache_pages")] public ulong PodCachePages;
    [Xen("pod_entries")] public ulong PodEntries;
    [Xen("domid")] public DomId Domain;
}

/// <summary>A range of guest memory on one virtual node (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_vmemrange")]
public struct VirtualMemoryRange
{
    public const int WireSize = 24;

    [Xen("start")] public ulong Start;
    [Xen("end")] public ulong End;
    [Xen("flags")] public uint Flags;
    [Xen("nid")] public uint Node;
}

/// <summary>Argument of <see cref="MemoryOperation.GetVnumaInfo"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_vnuma_topology_info")]
public struct VnumaTopologyInfo
{
    public const int WireSize = 40;

    [Xen("domid")] public DomId Domain;
    [Xen("pad")] public ushort Padding;
    [Xen("nr_vnodes")] public uint VnodeCount;
    [Xen("nr_vcpus")] public uint VcpuCount;
    [Xen("nr_vmemranges")] public uint VmemrangeCount;
    [Xen("vdistance")] public ulong Distances;
    [Xen("vcpu_to_vnode")] public ulong VcpuToNode;
    [Xen("vmemrange")] public ulong Ranges;
}

/// <summary>Argument of <see cref="MemoryOperation.AcquireResource"/> (<c>public/memory.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_mem_acquire_resource")]
public struct AcquireResource
{
    public const int WireSize = 32;

    [Xen("domid")] public DomId Domain;
    [Xen("type")] public ResourceType Type;
    [Xen("id")] public uint Id;
    [Xen("nr_frames")] public uint FrameCount;
    [Xen("pad")] public uint Padding;
    [Xen("frame")] public ulong Frame;
    [Xen("frame_list")] public ulong FrameList;
}

/// <summary>What <see cref="AddToPhysmap"/> maps (<c>public/memory.h</c>).</summary>
[Xen("XENMAPSPACE_*")]
public enum PhysmapSpace : uint
{
    [Xen("XENMAPSPACE_shared_info")] SharedInfo = 0,
    [Xen("XENMAPSPACE_grant_table")] GrantTable = 1,
    [Xen("XENMAPSPACE_gmfn")] Gmfn = 2,
    [Xen("XENMAPSPACE_gmfn_range")] GmfnRange = 3,
    [Xen("XENMAPSPACE_gmfn_foreign")] GmfnForeign = 4,
    [Xen("XENMAPSPACE_dev_mmio")] DeviceMmio = 5,
}

/// <summary>What <see cref="AcquireResource"/> maps (<c>public/memory.h</c>).</summary>
[Xen("XENMEM_resource_*")]
public enum ResourceType : ushort
{
    [Xen("XENMEM_resource_ioreq_server")] IoreqServer = 0,
    [Xen("XENMEM_resource_grant_table")] GrantTable = 1,
    [Xen("XENMEM_resource_vmtrace_buf")] VmTraceBuffer = 2,
}
