using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>An entry of a guest's virtual interrupt table (<c>public/arch-x86/xen.h</c>). An address of 0 ends a list.</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct trap_info")]
public struct TrapInfo
{
    public const int WireSize = 16;

    [Xen("vector")] public byte Vector;
    [Xen("flags")] public TrapFlags Flags;
    [Xen("cs")] public ushort Cs;

    /// <summary>Virtual address of the handler.</summary>
    [Xen("address")] public ulong Address;
}

/// <summary>The flags byte of a <see cref="TrapInfo"/>; the headers have macros for it, not constants (<c>public/arch-x86/xen.h</c>, <c>TI_GET_DPL</c> and <c>TI_GET_IF</c>).</summary>
[Flags]
public enum TrapFlags : byte
{
    None = 0,

    /// <summary>The least privileged level that may raise the trap by <c>int n</c>.</summary>
    DplMask = 3,

    /// <summary>Delivery masks upcalls.</summary>
    MaskEvents = 1 << 2,
}
