using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The registers of a vCPU as Xen keeps and exchanges them (<c>public/arch-x86/xen-x86_64.h</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = WireSize)]
[Xen("struct cpu_user_regs")]
public struct CpuUserRegs
{
    public const int WireSize = 200;

    [Xen("r15"), FieldOffset(0)] public ulong R15;
    [Xen("r14"), FieldOffset(8)] public ulong R14;
    [Xen("r13"), FieldOffset(16)] public ulong R13;
    [Xen("r12"), FieldOffset(24)] public ulong R12;
    [Xen("rbp"), FieldOffset(32)] public ulong Rbp;
    [Xen("rbx"), FieldOffset(40)] public ulong Rbx;
    [Xen("r11"), FieldOffset(48)] public ulong R11;
    [Xen("r10"), FieldOffset(56)] public ulong R10;
    [Xen("r9"), FieldOffset(64)] public ulong R9;
    [Xen("r8"), FieldOffset(72)] public ulong R8;
    [Xen("rax"), FieldOffset(80)] public ulong Rax;
    [Xen("rcx"), FieldOffset(88)] public ulong Rcx;
    [Xen("rdx"), FieldOffset(96)] public ulong Rdx;
    [Xen("rsi"), FieldOffset(104)] public ulong Rsi;
    [Xen("rdi"), FieldOffset(112)] public ulong Rdi;
    [Xen("error_code"), FieldOffset(120)] public uint ErrorCode;
    [Xen("entry_vector"), FieldOffset(124)] public uint EntryVector;
    [Xen("rip"), FieldOffset(128)] public ulong Rip;
    [Xen("cs"), FieldOffset(136)] public ushort Cs;
    [Xen("saved_upcall_mask"), FieldOffset(140)] public byte SavedUpcallMask;
    [Xen("rflags"), FieldOffset(144)] public ulong Rflags;
    [Xen("rsp"), FieldOffset(152)] public ulong Rsp;
    [Xen("ss"), FieldOffset(160)] public ushort Ss;
    [Xen("es"), FieldOffset(168)] public ushort Es;
    [Xen("ds"), FieldOffset(176)] public ushort Ds;
    [Xen("fs"), FieldOffset(184)] public ushort Fs;
    [Xen("gs"), FieldOffset(192)] public ushort Gs;
}
