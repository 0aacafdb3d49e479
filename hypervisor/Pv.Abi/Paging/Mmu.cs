using System.Runtime.InteropServices;

namespace Pv.Abi;

/// <summary>The low two bits of <see cref="MmuUpdate.Pointer"/> (<c>public/xen.h</c>).</summary>
[Xen("MMU_*")]
public enum MmuUpdateKind : byte
{
    /// <summary>The pointer is the machine address of a page-table entry, which gets the value if it is valid.</summary>
    [Xen("MMU_NORMAL_PT_UPDATE")] Normal = 0,

    /// <summary>The pointer is a machine address in a frame whose machine-to-physical entry gets the value.</summary>
    [Xen("MMU_MACHPHYS_UPDATE")] MachinePhysical = 1,

    /// <summary>As normal, and accessed and dirty bits are kept.</summary>
    [Xen("MMU_PT_UPDATE_PRESERVE_AD")] PreserveAccessedDirty = 2,

    /// <summary>As normal, and the frame number is never translated.</summary>
    [Xen("MMU_PT_UPDATE_NO_TRANSLATE")] NoTranslate = 3,
}

/// <summary>One update of <see cref="HypercallNumber.MmuUpdate"/> (<c>public/xen.h</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = WireSize)]
[Xen("struct mmu_update")]
public struct MmuUpdate
{
    public const int WireSize = 16;

    /// <summary>A machine address, its low two bits the <see cref="MmuUpdateKind"/>.</summary>
    [Xen("ptr")] public ulong Pointer;

    [Xen("val")] public ulong Value;

    /// <summary>The update's kind.</summary>
    public readonly MmuUpdateKind Kind => (MmuUpdateKind)(Pointer & 3);

    /// <summary>The machine address, without the kind.</summary>
    public readonly ulong Address => Pointer & ~3ul;
}
