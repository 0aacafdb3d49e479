using Pv.Abi;
using Pv.Machine;

namespace Pv.Cpu.Software;

/// <summary>What an access wants of a page.</summary>
internal enum PageAccess : byte
{
    Read,
    Write,
    Fetch,
}

/// <summary>Where a linear address leads.</summary>
/// <param name="Frame">The frame.</param>
/// <param name="Writable">Whether a write needs no further walk: allowed, and the dirty bit is set.</param>
internal readonly record struct Translation(Mfn Frame, bool Writable);

/// <summary>
/// The walk of 4-level page tables as a user access takes it (Intel SDM, volume 3, section 4.5): EFER.NXE and CR0.WP are set,
/// pages are 4 KiB or 2 MiB.
/// </summary>
/// <remarks>
/// Accessed and dirty bits are set once all checks passed, entry by entry with a compare-exchange; when an entry changed meanwhile the walk
/// starts again. Entries that name a frame beyond the machine are taken as having reserved bits set.
/// </remarks>
// SAFETY: an entry's address is made of a frame that was checked against the machine's size and an index below 512.
internal static unsafe class PageWalk
{
    private const ulong Present = 1, Writable = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, NoExecute = 1ul << 63;
    private const ulong FrameBits = 0x000f_ffff_ffff_f000;
    private const ulong LargeReserved = 0x1f_e000;
    private const int Levels = 4;

    /// <summary>Walks. False leaves the page fault's error code. The address must be canonical.</summary>
    public static bool TryWalk(MachineMemory memory, ulong cr3, ulong address, PageAccess access, out Translation translation, out PageFaultError error)
    {
        var entries = stackalloc ulong*[Levels];
        var seen = stackalloc ulong[Levels];
        while (true)
        {
            translation = default;
            error = PageFaultError.User
                | (access == PageAccess.Write ? PageFaultError.Write : 0)
                | (access == PageAccess.Fetch ? PageFaultError.InstructionFetch : 0);
            var table = (cr3 & FrameBits) >> PageSize.Shift;
            var rights = Writable | User;
            ulong noExecute = 0;
            int depth = 0, level = Levels - 1;
            ulong entry;
            while (true)
            {
                if (table >= memory.FrameCount)
                {
                    error |= PageFaultError.Present | PageFaultError.ReservedBit;
                    return false;
                }
                entries[depth] = (ulong*)(memory.Base + (table << PageSize.Shift)) + ((address >> (PageSize.Shift + (9 * level))) & 511);
                entry = Volatile.Read(ref *entries[depth]);
                seen[depth++] = entry;
                if ((entry & Present) == 0)
                    return false;
                rights &= entry;
                noExecute |= entry & NoExecute;
                if (level == 0)
                    break;
                if ((entry & Large) != 0)
                {
                    if (level == 1 && (entry & LargeReserved) == 0)
                        break;
                    error |= PageFaultError.Present | PageFaultError.ReservedBit;
                    return false;
                }
                table = (entry & FrameBits) >> PageSize.Shift;
                level--;
            }

            var frame = (entry & FrameBits) >> PageSize.Shift;
            if (level == 1)
                frame = (frame & ~511ul) | ((address >> PageSize.Shift) & 511);
            if (frame >= memory.FrameCount)
            {
                error |= PageFaultError.Present | PageFaultError.ReservedBit;
                return false;
            }
            if ((rights & User) == 0
                || (access == PageAccess.Write && (rights & Writable) == 0)
                || (access == PageAccess.Fetch && noExecute != 0))
            {
                error |= PageFaultError.Present;
                return false;
            }
            if (!TryMark(memory, entries, seen, depth, access == PageAccess.Write))
                continue;
            var dirty = access == PageAccess.Write || (entry & Dirty) != 0;
            translation = new Translation(new Mfn(frame), dirty && (rights & Writable) != 0);
            error = PageFaultError.None;
            return true;
        }
    }

    /// <summary>Sets accessed bits in all entries and the dirty bit in the last. False when an entry is not what was seen.</summary>
    private static bool TryMark(MachineMemory memory, ulong** entries, ulong* seen, int depth, bool write)
    {
        for (var i = 0; i < depth; i++)
        {
            var wanted = seen[i] | Accessed | (write && i == depth - 1 ? Dirty : 0);
            if (wanted == seen[i])
                continue;
            if (Interlocked.CompareExchange(ref *entries[i], wanted, seen[i]) != seen[i])
                return false;
            memory.Marks.NoteWrite(Mfn.OfAddress((ulong)((byte*)entries[i] - memory.Base)));
        }
        return true;
    }
}
