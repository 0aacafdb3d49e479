using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>An entry of a version 1 grant table (<c>public/grant_table.h</c>). The flags are written last.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct grant_entry_v1")]
public struct GrantEntryV1
{
    public const int WireSize = 8;

    [Xen("flags")] public GrantEntryFlags Flags;
    [Xen("domid")] public DomId Domain;

    /// <summary>The granted frame (machine frame of a PV domain), or the frame a transfer brought.</summary>
    [Xen("frame")] public uint Frame;
}

/// <summary>What all entries of a version 2 grant table start with (<c>public/grant_table.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct grant_entry_header")]
public struct GrantEntryHeader
{
    public const int WireSize = 4;

    [Xen("flags")] public GrantEntryFlags Flags;
    [Xen("domid")] public DomId Domain;
}

/// <summary>An entry of a version 2 grant table (<c>public/grant_table.h</c>). Which fields hold follows from the flags; the status is in frames of its own.</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("union grant_entry_v2")]
public struct GrantEntryV2
{
    public const int WireSize = 16;

    [Xen("hdr"), FieldOffset(0)] public GrantEntryHeader Header;

    /// <summary>Full page and sub-page: the granted frame.</summary>
    [Xen("full_page.frame"), FieldOffset(8)] public ulong Frame;

    /// <summary>Sub-page: offset of the granted part, in bytes.</summary>
    [Xen("sub_page.page_off"), FieldOffset(4)] public ushort PageOffset;

    [Xen("sub_page.length"), FieldOffset(6)] public ushort Length;

    /// <summary>Transitive: whose grant is passed on.</summary>
    [Xen("transitive.trans_domid"), FieldOffset(4)] public DomId TransitiveDomain;

    [Xen("transitive.gref"), FieldOffset(8)] public GrantRef TransitiveRef;
}
