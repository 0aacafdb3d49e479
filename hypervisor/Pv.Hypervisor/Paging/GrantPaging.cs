using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Grants;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// Foreign grants in a real kernel's page tables: by the linear address that the L1 entry maps, or by the entry's own machine address.
/// </summary>
internal static class GrantPaging
{
    public static GrantStatus Insert(Vcpu vcpu, GrantMap map)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (!TryFindEntry(vcpu, map, out var entryAddress))
                return GrantStatus.GeneralError;
            return vcpu.Domain.Core.PageTypes.TryInsertForeign(vcpu, entryAddress, EntryOf(map), map.Granter)
                ? GrantStatus.Okay : GrantStatus.GeneralError;
        }
    }

    public static GrantStatus Remove(Vcpu vcpu, GrantMap map)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (!TryFindEntry(vcpu, map, out var entryAddress)
                || !vcpu.Domain.Core.PageTypes.TryRemoveForeign(vcpu, entryAddress, EntryOf(map)))
                return GrantStatus.GeneralError;
        }
        vcpu.Domain.Core.Flushes.FlushAll(vcpu.Domain);
        return GrantStatus.Okay;
    }

    /// <summary>Takes a map away and puts the entry of another linear address into its place, which that address then lacks.</summary>
    public static GrantStatus Replace(Vcpu vcpu, GrantMap map, ulong newAddress)
    {
        if ((map.Flags & GrantMapFlags.ContainsPte) != 0)
            return GrantStatus.GeneralError;
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (!TryFindEntry(vcpu, map.HostAddress, false, out var entryAddress) || !TryFindEntry(vcpu, newAddress, false, out var newEntryAddress)
                || !vcpu.Domain.Core.PageTypes.TryReplaceForeign(vcpu, entryAddress, EntryOf(map), newEntryAddress))
                return GrantStatus.GeneralError;
        }
        vcpu.Domain.Core.Flushes.FlushAll(vcpu.Domain);
        return GrantStatus.Okay;
    }

    private static bool TryFindEntry(Vcpu vcpu, GrantMap map, out ulong entryAddress)
        => TryFindEntry(vcpu, map.HostAddress, (map.Flags & GrantMapFlags.ContainsPte) != 0, out entryAddress);

    private static bool TryFindEntry(Vcpu vcpu, ulong address, bool isEntry, out ulong entryAddress)
    {
        entryAddress = address;
        if (!isEntry
            && (PageWalker.IsReserved(address)
                || !PageWalker.TryFindL1Entry(vcpu.Domain.Core.Memory, vcpu.Registers.Cr3, address, out entryAddress)))
            return false;
        // Whichever way: a linear map shows tables of a higher level, which must not be written as an L1 table.
        var table = Mfn.OfAddress(entryAddress);
        return entryAddress % sizeof(ulong) == 0 && vcpu.Domain.Core.Frames.TryGetOwner(table, out var owner) && owner == vcpu.Domain.Id
            && vcpu.Domain.Core.PageTypes.IsValid(table, Memory.FrameType.L1Table);
    }

    private static PageTableEntry EntryOf(GrantMap map)
    {
        var flags = PageTableEntry.Present | PageTableEntry.Accessed | PageTableEntry.Dirty | PageTableEntry.NoExecute;
        if (!map.ReadOnly)
            flags |= PageTableEntry.Writable;
        if ((map.Flags & GrantMapFlags.ApplicationMap) != 0)
            flags |= PageTableEntry.User;
        // The guest may have bits of its own in the entry: its bits 16 to 31 of the flags are the available ones.
        flags |= ((ulong)map.Flags >> 16 & 7) << 9;
        return EntryRules.Adjust(1, new PageTableEntry(map.Mfn.Address | flags));
    }
}
