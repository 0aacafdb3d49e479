using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Argument of <see cref="DomctlOperation.MaxMemory"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_max_mem")]
public struct DomctlMaxMemory
{
    public const int WireSize = 8;

    [Xen("max_memkb")] public ulong MaxMemoryKib;
}

/// <summary>Counts within <see cref="DomctlShadowOp"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_shadow_op_stats")]
public struct DomctlShadowStats
{
    public const int WireSize = 8;

    [Xen("fault_count")] public uint FaultCount;
    [Xen("dirty_count")] public uint DirtyCount;
}

/// <summary>Argument of <see cref="DomctlOperation.ShadowOp"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_shadow_op")]
public struct DomctlShadowOp
{
    public const int WireSize = 40;

    [Xen("op")] public ShadowOperation Operation;
    [Xen("mode")] public uint Mode;
    [Xen("mb")] public uint Megabytes;

    /// <summary>Guest address of a bit for each page.</summary>
    [Xen("dirty_bitmap")] public ulong DirtyBitmap;

    /// <summary>In: size of the bitmap. Out: pages reported.</summary>
    [Xen("pages")] public ulong Pages;

    [Xen("stats")] public DomctlShadowStats Stats;
}

/// <summary>Operations of <see cref="DomctlShadowOp"/> (<c>public/domctl.h</c>).</summary>
[Xen("XEN_DOMCTL_SHADOW_OP_*")]
public enum ShadowOperation : uint
{
    [Xen("XEN_DOMCTL_SHADOW_OP_OFF")] Off = 0,
    [Xen("XEN_DOMCTL_SHADOW_OP_ENABLE_TEST")] EnableTest = 1,
    [Xen("XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY")] EnableLogDirty = 2,

    /// <summary>Reads and clears the log.</summary>
    [Xen("XEN_DOMCTL_SHADOW_OP_CLEAN")] Clean = 11,

    /// <summary>Reads the log.</summary>
    [Xen("XEN_DOMCTL_SHADOW_OP_PEEK")] Peek = 12,

    [Xen("XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION")] GetAllocation = 30,
    [Xen("XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION")] SetAllocation = 31,
    [Xen("XEN_DOMCTL_SHADOW_OP_ENABLE")] Enable = 32,
}

/// <summary>Argument of <see cref="DomctlOperation.GetPageFrameInfo3"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_getpageframeinfo3")]
public struct DomctlGetPageFrameInfo
{
    public const int WireSize = 16;

    [Xen("num")] public ulong Count;

    /// <summary>Guest address of frame numbers, each replaced by its <see cref="PageFrameInfo"/>.</summary>
    [Xen("array")] public ulong Array;
}

/// <summary>What a frame is, in the high bits of the low 32 (<c>public/domctl.h</c>).</summary>
[Xen("XEN_DOMCTL_PFINFO_*")]
public enum PageFrameInfo : uint
{
    [Xen("XEN_DOMCTL_PFINFO_NOTAB")] NotTable = 0x0,
    [Xen("XEN_DOMCTL_PFINFO_L1TAB")] L1Table = 0x10000000,
    [Xen("XEN_DOMCTL_PFINFO_L2TAB")] L2Table = 0x20000000,
    [Xen("XEN_DOMCTL_PFINFO_L3TAB")] L3Table = 0x30000000,
    [Xen("XEN_DOMCTL_PFINFO_L4TAB")] L4Table = 0x40000000,

    /// <summary>Added to a table's level: pinned.</summary>
    [Xen("XEN_DOMCTL_PFINFO_LPINTAB")] PinnedTable = 0x80000000,

    [Xen("XEN_DOMCTL_PFINFO_BROKEN")] Broken = 0xd0000000,
    [Xen("XEN_DOMCTL_PFINFO_XALLOC")] AllocateOnly = 0xe0000000,

    /// <summary>Not a frame of the domain.</summary>
    [Xen("XEN_DOMCTL_PFINFO_XTAB")] Invalid = 0xf0000000,

    [Xen("XEN_DOMCTL_PFINFO_LTABTYPE_MASK")] TableTypeMask = 0x70000000,
    [Xen("XEN_DOMCTL_PFINFO_LTAB_MASK")] Mask = 0xf0000000,
}

/// <summary>Argument of <see cref="DomctlOperation.SetNodeAffinity"/> and <see cref="DomctlOperation.GetNodeAffinity"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_nodeaffinity")]
public struct DomctlNodeAffinity
{
    public const int WireSize = 16;

    [Xen("nodemap")] public XenctlBitmap NodeMap;
}

/// <summary>Argument of <see cref="DomctlOperation.SetVnumaInfo"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_vnuma")]
public struct DomctlVnuma
{
    public const int WireSize = 48;

    [Xen("nr_vnodes")] public uint VnodeCount;
    [Xen("nr_vmemranges")] public uint VmemrangeCount;
    [Xen("nr_vcpus")] public uint VcpuCount;
    [Xen("vdistance")] public ulong Distances;
    [Xen("vcpu_to_vnode")] public ulong VcpuToVnode;
    [Xen("vnode_to_pnode")] public ulong VnodeToPnode;
    [Xen("vmemrange")] public ulong Ranges;
}

/// <summary>Argument of <see cref="DomctlOperation.GetPagingPoolSize"/> and <see cref="DomctlOperation.SetPagingPoolSize"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_paging_mempool")]
public struct DomctlPagingPool
{
    public const int WireSize = 8;

    /// <summary>In bytes.</summary>
    [Xen("size")] public ulong Size;
}

/// <summary>Argument of <see cref="DomctlOperation.SetAddressSize"/> and <see cref="DomctlOperation.GetAddressSize"/> (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_domctl_address_size")]
public struct DomctlAddressSize
{
    public const int WireSize = 4;

    /// <summary>In bits.</summary>
    [Xen("size")] public uint Size;
}
