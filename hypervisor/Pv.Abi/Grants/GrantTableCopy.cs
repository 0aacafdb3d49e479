using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>One end of a grant copy: a grant reference of <see cref="Domain"/>, or a frame of it, as the flags say (<c>public/grant_table.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct gnttab_copy_ptr")]
public struct GrantCopyPointer
{
    public const int WireSize = 16;

    [Xen("u.ref"), FieldOffset(0)] public GrantRef Ref;

    /// <summary>A guest frame number (a machine frame number for a PV domain).</summary>
    [Xen("u.gmfn"), FieldOffset(0)] public ulong Gmfn;

    [Xen("domid"), FieldOffset(8)] public DomId Domain;
    [Xen("offset"), FieldOffset(10)] public ushort Offset;
}

/// <summary>Copies bytes between two pages of which either may be granted (<c>public/grant_table.h</c>). Neither end may cross a page.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct gnttab_copy")]
public struct GrantTableCopy
{
    public const int WireSize = 40;

    [Xen("source")] public GrantCopyPointer Source;
    [Xen("dest")] public GrantCopyPointer Destination;
    [Xen("len")] public ushort Length;
    [Xen("flags")] public GrantCopyFlags Flags;

    /// <summary>Written by the hypervisor.</summary>
    [Xen("status")] public GrantStatus Status;
}

/// <summary>Which ends of a <see cref="GrantTableCopy"/> are grant references (<c>public/grant_table.h</c>).</summary>
[Flags]
[Xen("GNTCOPY_*")]
public enum GrantCopyFlags : ushort
{
    None = 0,
    [Xen("GNTCOPY_source_gref")] SourceGrantRef = 1 << 0,
    [Xen("GNTCOPY_dest_gref")] DestinationGrantRef = 1 << 1,
}
