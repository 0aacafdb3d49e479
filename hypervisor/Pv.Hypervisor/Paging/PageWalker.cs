using Pv.Abi;
using Pv.Machine;

namespace Pv.Hypervisor.Paging;

/// <summary>Walks a guest's page tables as the processor would for an access of the guest's.</summary>
internal static class PageWalker
{
    /// <summary>Whether an address lies in the range that is the hypervisor's own: no argument may point there.</summary>
    public static bool IsReserved(ulong address) => address - XenVirtualMemory.Start < XenVirtualMemory.End - XenVirtualMemory.Start;

    public static bool IsCanonical(ulong address) => (ulong)((long)address << 16 >> 16) == address;

    /// <summary>
    /// Translates a linear address for a user-mode access. Sets the accessed and dirty bits that the access would set.
    /// False when it would fault.
    /// </summary>
    public static bool TryWalk(MachineMemory memory, ulong root, ulong address, bool write, out ulong machine)
    {
        machine = 0;
        if (!IsCanonical(address))
            return false;
        var table = root & PageTableEntry.FrameMask;
        for (var level = 4; level >= 1;)
        {
            var index = (int)(address >> (PageSize.Shift + 9 * (level - 1)) & 511);
            ref var slot = ref memory.At<ulong>(table + (ulong)index * sizeof(ulong));
            var entry = new PageTableEntry(Volatile.Read(ref slot));
            if (!entry.IsPresent || !entry.IsUser || (write && !entry.IsWritable))
                return false;
            var superpage = level == 2 && entry.IsSuperpage;
            var used = PageTableEntry.Accessed | (write && (level == 1 || superpage) ? PageTableEntry.Dirty : 0);
            // An entry that changed meanwhile is looked at again, as the processor does: nothing is marked in what it is by now.
            if ((entry.Value & used) != used && Interlocked.CompareExchange(ref slot, entry.Value | used, entry.Value) != entry.Value)
                continue;
            if (superpage)
            {
                machine = entry.Frame.Address & ~0x1f_ffful | address & 0x1f_ffff;
                return true;
            }
            table = entry.Frame.Address;
            level--;
        }
        machine = table | address & PageSize.OffsetMask;
        return true;
    }

    /// <summary>The machine address of the L1 entry that maps an address, whatever the entry holds. False when a table is missing on the way.</summary>
    public static bool TryFindL1Entry(MachineMemory memory, ulong root, ulong address, out ulong entryAddress)
    {
        entryAddress = 0;
        if (!IsCanonical(address))
            return false;
        var table = root & PageTableEntry.FrameMask;
        for (var level = 4; level > 1; level--)
        {
            var entry = new PageTableEntry(Volatile.Read(ref memory.At<ulong>(table + IndexOffset(address, level))));
            if (!entry.IsPresent || entry.IsSuperpage)
                return false;
            table = entry.Frame.Address;
        }
        entryAddress = table + IndexOffset(address, 1);
        return true;
    }

    private static ulong IndexOffset(ulong address, int level) => (address >> (PageSize.Shift + 9 * (level - 1)) & 511) * sizeof(ulong);
}
