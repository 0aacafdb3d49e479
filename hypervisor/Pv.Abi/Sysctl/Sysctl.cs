using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The argument of <see cref="HypercallNumber.Sysctl"/>: a header and the operation's own argument (<c>public/sysctl.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xen_sysctl")]
public struct Sysctl
{
    public const int WireSize = 136;

    [Xen("cmd")] public SysctlOperation Operation;

    /// <summary>Must be <see cref="CurrentInterfaceVersion"/>.</summary>
    [Xen("interface_version")] public uint InterfaceVersion;

    /// <summary>The struct that the operation names, from the first byte.</summary>
    [Xen("u")] public Array128<byte> Argument;

    /// <summary>The version of the interface that this is.</summary>
    [Xen("XEN_SYSCTL_INTERFACE_VERSION")] public const uint CurrentInterfaceVersion = 0x15;
}
