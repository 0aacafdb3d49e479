using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The page that a PV console's two ends share (<c>public/io/console.h</c>). Indices run freely; masked by the ring's size they are positions.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xencons_interface")]
public struct ConsoleRing
{
    public const int WireSize = 3088;

    /// <summary>Towards the guest.</summary>
    [Xen("in")] public Array1024<byte> In;

    /// <summary>From the guest.</summary>
    [Xen("out")] public Array2048<byte> Out;

    [Xen("in_cons")] public uint InConsumer;
    [Xen("in_prod")] public uint InProducer;
    [Xen("out_cons")] public uint OutConsumer;
    [Xen("out_prod")] public uint OutProducer;
}
