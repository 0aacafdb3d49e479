using Pv.Abi;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Core;

/// <summary>Page tables with much to look at.</summary>
internal static class DeepTables
{
    /// <summary>
    /// Makes an L4 table above L1 tables, all entries of which show one frame read-only: the guest's frames from <paramref name="first"/> on are the L4,
    /// L3 and L2 table, then come so many L1 tables. The L3 table's last entry is a wrong one when a test wants it.
    /// </summary>
    public static Mfn Make(TestGuest guest, int first, int tables, Mfn shown, bool lastIsBad = false)
    {
        const ulong readOnly = TestGuest.PresentUser;
        var (l4, l3, l2) = (guest.Frames[first], guest.Frames[first + 1], guest.Frames[first + 2]);
        guest.Store(l4, 0, l3.Address | readOnly | TestGuest.Writable);
        guest.Store(l3, 0, l2.Address | readOnly | TestGuest.Writable);
        for (var table = 0; table < tables; table++)
        {
            var l1 = guest.Frames[first + 3 + table];
            guest.Store(l2, table, l1.Address | readOnly | TestGuest.Writable);
            for (var i = 0; i < 512; i++)
                guest.Store(l1, i, shown.Address | readOnly);
        }
        if (lastIsBad)
            guest.Store(l3, 511, 0x7fff_f000 | PageTableEntry.Present);
        return l4;
    }
}
