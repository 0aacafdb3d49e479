using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>What the domain builder tells a PV kernel; its address is in <c>rsi</c> at entry (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct start_info")]
public struct StartInfo
{
    public const int WireSize = 1168;

    /// <summary>"xen-3.0-x86_64", NUL-terminated.</summary>
    [Xen("magic")] public Array32<byte> Magic;

    [Xen("nr_pages")] public ulong PageCount;

    /// <summary>Machine address of the <see cref="Abi.SharedInfo"/> page.</summary>
    [Xen("shared_info")] public ulong SharedInfo;

    [Xen("flags")] public StartInfoFlags Flags;
    [Xen("store_mfn")] public Mfn StoreMfn;
    [Xen("store_evtchn")] public EventPort StorePort;
    [Xen("console.domU.mfn")] public Mfn ConsoleMfn;
    [Xen("console.domU.evtchn")] public EventPort ConsolePort;

    /// <summary>Virtual address of the L4 page.</summary>
    [Xen("pt_base")] public ulong PageTableBase;

    [Xen("nr_pt_frames")] public ulong PageTableFrameCount;

    /// <summary>Virtual address of the physical-to-machine list.</summary>
    [Xen("mfn_list")] public ulong MfnList;

    /// <summary>Virtual address of the ramdisk, or its frame number with <see cref="StartInfoFlags.ModStartPfn"/>.</summary>
    [Xen("mod_start")] public ulong ModuleStart;

    /// <summary>In bytes.</summary>
    [Xen("mod_len")] public ulong ModuleLength;

    /// <summary>NUL-terminated.</summary>
    [Xen("cmd_line")] public Array1024<byte> CommandLine;

    /// <summary>Where the list is, when it is not mapped with the kernel.</summary>
    [Xen("first_p2m_pfn")] public Pfn FirstP2mPfn;

    [Xen("nr_p2m_frames")] public ulong P2mFrameCount;
}

/// <summary>Flags of <see cref="StartInfo"/> (<c>public/xen.h</c>).</summary>
[Flags]
[Xen("SIF_*")]
public enum StartInfoFlags : uint
{
    None = 0,

    /// <summary>The domain is privileged.</summary>
    [Xen("SIF_PRIVILEGED")] Privileged = 1 << 0,

    /// <summary>The domain is the first.</summary>
    [Xen("SIF_INITDOMAIN")] InitialDomain = 1 << 1,

    /// <summary>The module is a list of multiboot modules.</summary>
    [Xen("SIF_MULTIBOOT_MOD")] MultibootModule = 1 << 2,

    /// <summary>The module's start is a frame number.</summary>
    [Xen("SIF_MOD_START_PFN")] ModStartPfn = 1 << 3,

    /// <summary>The toolstack understands a linear physical-to-machine map.</summary>
    [Xen("SIF_VIRT_P2M_4TOOLS")] VirtualP2mForTools = 1 << 4,

    [Xen("SIF_PM_MASK")] PowerManagementMask = 0xff00,
}

/// <summary>Limits of <see cref="StartInfo"/> (<c>public/xen.h</c>).</summary>
public static class StartInfoLimits
{
    [Xen("MAX_GUEST_CMDLINE")] public const int CommandLineBytes = 1024;
}
