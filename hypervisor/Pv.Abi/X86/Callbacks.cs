using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>Sub-operations of <see cref="HypercallNumber.CallbackOp"/> (<c>public/callback.h</c>).</summary>
[Xen("CALLBACKOP_*")]
public enum CallbackOperation : uint
{
    /// <summary>Argument: <see cref="CallbackRegister"/>.</summary>
    [Xen("CALLBACKOP_register")] Register = 0,

    /// <summary>Argument: <see cref="CallbackUnregister"/>.</summary>
    [Xen("CALLBACKOP_unregister")] Unregister = 1,
}

/// <summary>What a callback is for (<c>public/callback.h</c>).</summary>
[Xen("CALLBACKTYPE_*")]
public enum CallbackType : ushort
{
    /// <summary>Events are pending.</summary>
    [Xen("CALLBACKTYPE_event")] Event = 0,

    /// <summary>A segment or the frame of an iret could not be loaded.</summary>
    [Xen("CALLBACKTYPE_failsafe")] Failsafe = 1,

    /// <summary>User mode executed <c>syscall</c> in 64-bit mode.</summary>
    [Xen("CALLBACKTYPE_syscall")] Syscall = 2,

    [Xen("CALLBACKTYPE_sysenter_deprecated")] SysenterDeprecated = 3,
    [Xen("CALLBACKTYPE_nmi")] Nmi = 4,

    /// <summary>User mode executed <c>sysenter</c>.</summary>
    [Xen("CALLBACKTYPE_sysenter")] Sysenter = 5,

    /// <summary>User mode executed <c>syscall</c> in compatibility mode.</summary>
    [Xen("CALLBACKTYPE_syscall32")] Syscall32 = 7,
}

/// <summary>Flags of <see cref="CallbackRegister"/> (<c>public/callback.h</c>).</summary>
[Flags]
[Xen("CALLBACKF_*")]
public enum CallbackFlags : ushort
{
    None = 0,

    /// <summary>Delivery masks upcalls.</summary>
    [Xen("CALLBACKF_mask_events")] MaskEvents = 1 << 0,
}

/// <summary>Argument of <see cref="CallbackOperation.Register"/> (<c>public/callback.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct callback_register")]
public struct CallbackRegister
{
    public const int WireSize = 16;

    [Xen("type")] public CallbackType Type;
    [Xen("flags")] public CallbackFlags Flags;
    [Xen("address")] public ulong Address;
}

/// <summary>Argument of <see cref="CallbackOperation.Unregister"/> (<c>public/callback.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct callback_unregister")]
public struct CallbackUnregister
{
    public const int WireSize = 4;

    [Xen("type")] public CallbackType Type;
}
