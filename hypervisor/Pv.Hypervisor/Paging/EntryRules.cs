using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// What a guest may put into an entry of each level, and what Xen makes of it. A 64-bit kernel runs in ring 3, so every entry needs the user
/// bit; an L1 entry that the guest wrote without it is marked as its kernel's by bit 52, and one with it is global.
/// </summary>
internal static class EntryRules
{
    private const ulong CommonFlags = PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.User | PageTableEntry.Accessed
        | PageTableEntry.Dirty | PageTableEntry.Available | PageTableEntry.NoExecute;

    /// <summary>The flags that a guest without devices may set, by level (1 to 4). Cache attributes need devices; there are no superpages.</summary>
    private static readonly ulong[] Allowed = [0, CommonFlags | PageTableEntry.Global, CommonFlags, CommonFlags, CommonFlags];

    /// <summary>The slots of an L4 table that are Xen's.</summary>
    public const int FirstReservedSlot = 256, LastReservedSlot = 271;

    public static bool HasForbiddenFlags(int level, PageTableEntry entry)
        => (entry.Value & ~PageTableEntry.FrameMask & ~Allowed[level]) != 0;

    public static bool IsGuestSlot(int level, int index) => level != 4 || index is < FirstReservedSlot or > LastReservedSlot;

    /// <summary>What is stored for a present entry that a guest wrote.</summary>
    public static PageTableEntry Adjust(int level, PageTableEntry entry)
    {
        if (!entry.IsPresent)
            return entry;
        // Xen may have a copy of an L4 table at work, whose accessed bits nobody brings back: they are set beforehand.
        if (level == 4)
            return new PageTableEntry(entry.Value | PageTableEntry.User | PageTableEntry.Accessed);
        if (level > 1)
            return new PageTableEntry(entry.Value | PageTableEntry.User);
        var value = entry.Value;
        if (!entry.IsUser)
            value |= PageTableEntry.User | PageTableEntry.GuestKernel;
        if ((value & PageTableEntry.GuestKernel) == 0)
            value |= PageTableEntry.Global;
        return new PageTableEntry(value);
    }

    /// <summary>The type of a table of a level.</summary>
    public static FrameType TypeOf(int level) => (FrameType)level;

    /// <summary>The level of a page-table type; 0 for other types.</summary>
    public static int LevelOf(FrameType type) => type is >= FrameType.L1Table and <= FrameType.L4Table ? (int)type : 0;

    /// <summary>The frame number that a present entry of a guest may have at most; beyond it is memory that no machine has.</summary>
    public static bool IsInvalidFrame(Mfn mfn) => mfn.Value == PageTableEntry.FrameMask >> PageSize.Shift;
}
