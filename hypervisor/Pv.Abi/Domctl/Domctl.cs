using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The argument of <see cref="HypercallNumber.Domctl"/>: a header and the operation's own argument (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct xen_domctl")]
public struct Domctl
{
    public const int WireSize = 144;

    /// <summary>Where <see cref="Argument"/> begins.</summary>
    public const int ArgumentOffset = 16;

    [Xen("cmd"), FieldOffset(0)] public DomctlOperation Operation;

    /// <summary>Must be <see cref="CurrentInterfaceVersion"/>.</summary>
    [Xen("interface_version"), FieldOffset(4)] public uint InterfaceVersion;

    [Xen("domain"), FieldOffset(8)] public DomId Domain;

    /// <summary>The struct that the operation names, from the first byte.</summary>
    [Xen("u"), FieldOffset(ArgumentOffset)] public Array128<byte> Argument;

    /// <summary>The version of the interface that this is.</summary>
    [Xen("XEN_DOMCTL_INTERFACE_VERSION")] public const uint CurrentInterfaceVersion = 0x15;
}

/// <summary>A bitmap in the caller's memory (<c>public/domctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xenctl_bitmap")]
public struct XenctlBitmap
{
    public const int WireSize = 16;

    /// <summary>Guest address; bytes, lowest bit first.</summary>
    [Xen("bitmap")] public ulong Bitmap;

    [Xen("nr_bits")] public uint BitCount;
}
