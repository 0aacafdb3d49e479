using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The frame on the stack at <see cref="HypercallNumber.Iret"/>, from its top (<c>public/arch-x86/xen-x86_64.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct iret_context")]
public struct IretContext
{
    public const int WireSize = 72;

    [Xen("rax")] public ulong Rax;
    [Xen("r11")] public ulong R11;
    [Xen("rcx")] public ulong Rcx;

    /// <summary><see cref="VcpuContextFlags.InSyscall"/> leaves <c>rcx</c> and <c>r11</c> as they are.</summary>
    [Xen("flags")] public ulong Flags;

    [Xen("rip")] public ulong Rip;
    [Xen("cs")] public ulong Cs;
    [Xen("rflags")] public ulong Rflags;
    [Xen("rsp")] public ulong Rsp;
    [Xen("ss")] public ulong Ss;
}
