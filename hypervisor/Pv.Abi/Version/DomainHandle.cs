using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>A domain's UUID, its bytes in the order in which it is written (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("xen_uuid_t")]
public struct DomainHandle
{
    public const int WireSize = 16;

    [Xen("a")] public Array16<byte> Bytes;
}
