using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.NmiOp"/> (<c>public/nmi.h</c>).</summary>
[Xen("XENNMI_*")]
public enum NmiOperation : uint
{
    /// <summary>Argument: <see cref="NmiCallback"/>.</summary>
    [Xen("XENNMI_register_callback")] RegisterCallback = 0,

    [Xen("XENNMI_unregister_callback")] UnregisterCallback = 1,
}

/// <summary>Argument of <see cref="NmiOperation.RegisterCallback"/> (<c>public/nmi.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct xennmi_callback")]
public struct NmiCallback
{
    public const int WireSize = 16;

    /// <summary>Virtual address of the handler.</summary>
    [Xen("handler_address")] public ulong Handler;
}
