using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pv.Cpu;

/// <summary>The sixteen general registers, numbered as x86 encodes them: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15.</summary>
[InlineArray(16)]
public struct GeneralRegisters
{
    private ulong _first;
}

/// <summary>An FXSAVE image (Intel SDM, volume 1, table 10-2): x87, MXCSR and the sixteen XMM registers.</summary>
[InlineArray(512)]
public struct FxSaveArea
{
    private byte _first;
}

/// <summary>
/// What a vCPU's code can see of its processor: ring 3 of a 64-bit x86. The hypervisor owns it; an engine changes it only inside
/// <see cref="ICpuVcpu.Run"/>, and it is exact whenever that returns.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct GuestRegisters
{
    public GeneralRegisters General;

    public ulong Rip;

    /// <summary>RFLAGS as the guest's code sees it; IF is always set and IOPL always 0 in hardware terms.</summary>
    public ulong Rflags;

    public ushort Es, Cs, Ss, Ds, Fs, Gs;

    /// <summary>The active FS base.</summary>
    public ulong FsBase;

    /// <summary>The active GS base: the kernel's or the user's, which the hypervisor swaps.</summary>
    public ulong GsBase;

    /// <summary>The machine address of the active L4 table.</summary>
    public ulong Cr3;

    /// <summary>At a multiple of 8, so that few of its registers lie across two cache lines.</summary>
    public FxSaveArea Fx;

    /// <summary>CR0.TS: x87 and SSE instructions raise #NM.</summary>
    public bool TaskSwitched;

    /// <summary>XCR0 as the guest set it; zero before it does so.</summary>
    public ulong Xcr0;

    /// <summary>The XCR0 that is in force. As under Xen, all there is before a guest sets its own: x87 and SSE.</summary>
    public readonly ulong ActiveXcr0 => Xcr0 == 0 ? X87AndSse : Xcr0;

    /// <summary>Components of XCR0.</summary>
    public const ulong X87 = 1, X87AndSse = 3;

    [UnscopedRef]
    public ref ulong Rax => ref General[0];

    [UnscopedRef]
    public ref ulong Rcx => ref General[1];

    [UnscopedRef]
    public ref ulong Rdx => ref General[2];

    [UnscopedRef]
    public ref ulong Rbx => ref General[3];

    [UnscopedRef]
    public ref ulong Rsp => ref General[4];

    [UnscopedRef]
    public ref ulong Rbp => ref General[5];

    [UnscopedRef]
    public ref ulong Rsi => ref General[6];

    [UnscopedRef]
    public ref ulong Rdi => ref General[7];

    [UnscopedRef]
    public ref ulong R8 => ref General[8];

    [UnscopedRef]
    public ref ulong R10 => ref General[10];

    [UnscopedRef]
    public ref ulong R11 => ref General[11];
}
