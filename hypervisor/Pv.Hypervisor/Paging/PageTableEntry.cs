using Pv.Abi;

namespace Pv.Hypervisor.Paging;

/// <summary>A page-table entry of any level.</summary>
/// <remarks>
/// <code>
/// 63  62..53          52      51..12  11..9  8  7    6  5  4    3    2  1  0
/// NX  avail           kernel  frame   avail  G  PSE  D  A  PCD  PWT  U  W  P
/// </code>
/// Bit 7 of an L1 entry is PAT. Bit 52 is Xen's: the guest wrote the entry without the user bit.
/// </remarks>
internal readonly record struct PageTableEntry(ulong Value)
{
    public const ulong Present = 1, Writable = 1 << 1, User = 1 << 2, WriteThrough = 1 << 3, CacheDisable = 1 << 4, Accessed = 1 << 5,
        Dirty = 1 << 6, PageSizeExtension = 1 << 7, PageAttributes = 1 << 7, Global = 1 << 8, GuestKernel = 1ul << 52, NoExecute = 1ul << 63;

    public const ulong FrameMask = 0x000f_ffff_ffff_f000;

    /// <summary>Bits that software may use as it likes: 9 to 11, and 52 to 62 (protection keys are off).</summary>
    public const ulong Available = 0xe00 | 0x7fful << 52;

    public bool IsPresent => (Value & Present) != 0;

    public bool IsWritable => (Value & Writable) != 0;

    public bool IsUser => (Value & User) != 0;

    public bool IsSuperpage => (Value & PageSizeExtension) != 0;

    public Mfn Frame => new((Value & FrameMask) >> PageSize.Shift);
}
