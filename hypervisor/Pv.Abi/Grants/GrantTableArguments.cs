using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Maps a page that <see cref="Domain"/> granted to the caller.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_map_grant_ref")]
public struct GrantTableMapGrantRef
{
    public const int WireSize = 32;

    /// <summary>A virtual address, or with <see cref="GrantMapFlags.ContainsPte"/> the machine address of the page-table entry.</summary>
    [Xen("host_addr")] public ulong HostAddress;

    [Xen("flags")] public GrantMapFlags Flags;
    [Xen("ref")] public GrantRef Ref;
    [Xen("dom")] public DomId Domain;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;

    /// <summary>Written by the hypervisor: names the mapping for the unmap.</summary>
    [Xen("handle")] public uint Handle;

    [Xen("dev_bus_addr")] public ulong DevBusAddress;
}

/// <summary>Undoes a mapping. A zero address leaves that mapping alone.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_unmap_grant_ref")]
public struct GrantTableUnmapGrantRef
{
    public const int WireSize = 24;

    [Xen("host_addr")] public ulong HostAddress;
    [Xen("dev_bus_addr")] public ulong DevBusAddress;
    [Xen("handle")] public uint Handle;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Gives a domain a grant table of at least so many frames.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_setup_table")]
public struct GrantTableSetupTable
{
    public const int WireSize = 24;

    [Xen("dom")] public DomId Domain;
    [Xen("nr_frames")] public uint FrameCount;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;

    /// <summary>Guest address of an array of frame numbers that the hypervisor fills.</summary>
    [Xen("frame_list")] public ulong FrameList;
}

/// <summary>Dumps a domain's grant table to the hypervisor's console.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_dump_table")]
public struct GrantTableDumpTable
{
    public const int WireSize = 4;

    [Xen("dom")] public DomId Domain;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Gives a frame of the caller to a domain that said it would accept it.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_transfer")]
public struct GrantTableTransfer
{
    public const int WireSize = 24;

    [Xen("mfn")] public Mfn Mfn;
    [Xen("domid")] public DomId Domain;
    [Xen("ref")] public GrantRef Ref;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>How large a domain's grant table is and may become, in frames.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_query_size")]
public struct GrantTableQuerySize
{
    public const int WireSize = 16;

    [Xen("dom")] public DomId Domain;
    [Xen("nr_frames")] public uint FrameCount;
    [Xen("max_nr_frames")] public uint MaxFrameCount;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Undoes a mapping and moves another address's mapping into its place.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_unmap_and_replace")]
public struct GrantTableUnmapAndReplace
{
    public const int WireSize = 24;

    [Xen("host_addr")] public ulong HostAddress;
    [Xen("new_addr")] public ulong NewAddress;
    [Xen("handle")] public uint Handle;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Sets the caller's grant table version, 1 or 2; the hypervisor writes the version in force.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_set_version")]
public struct GrantTableSetVersion
{
    public const int WireSize = 4;

    [Xen("version")] public uint Version;
}

/// <summary>Asks for the status frames of a version 2 table.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_get_status_frames")]
public struct GrantTableGetStatusFrames
{
    public const int WireSize = 16;

    [Xen("nr_frames")] public uint FrameCount;
    [Xen("dom")] public DomId Domain;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;

    /// <summary>Guest address of an array of frame numbers that the hypervisor fills.</summary>
    [Xen("frame_list")] public ulong FrameList;
}

/// <summary>Asks for a domain's grant table version.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_get_version")]
public struct GrantTableGetVersion
{
    public const int WireSize = 8;

    [Xen("dom")] public DomId Domain;
    [Xen("version")] public uint Version;
}

/// <summary>Swaps the contents of two entries of the caller's table.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_swap_grant_ref")]
public struct GrantTableSwapGrantRef
{
    public const int WireSize = 12;

    [Xen("ref_a")] public GrantRef RefA;
    [Xen("ref_b")] public GrantRef RefB;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Cache maintenance of a granted page (Arm only).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_cache_flush")]
public struct GrantTableCacheFlush
{
    public const int WireSize = 16;

    /// <summary>A bus address, or in its low half a grant reference.</summary>
    [Xen("a")] public ulong Address;

    [Xen("offset")] public ushort Offset;
    [Xen("length")] public ushort Length;
    [Xen("op")] public uint Operation;
}
