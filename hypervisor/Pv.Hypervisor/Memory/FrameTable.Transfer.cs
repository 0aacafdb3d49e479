using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Memory;

// A frame that goes from one domain to another for good (GNTTABOP_transfer).
internal sealed partial class FrameTable
{
    /// <summary>Makes room in a domain's reservation for a frame that is to come. False when it is full, or at its end.</summary>
    public static bool TryReserve(Domain domain)
    {
        using (domain.PageLock.Hold())
        {
            if (domain.IsDying || domain.TotalPages >= domain.MaxPages)
                return false;
            domain.TotalPages++;
            return true;
        }
    }

    /// <summary>Undoes <see cref="TryReserve"/>.</summary>
    public static void Unreserve(Domain domain)
    {
        using (domain.PageLock.Hold())
            domain.TotalPages--;
        domain.FrameFreed();
    }

    /// <summary>
    /// Gives a frame that was taken out of use (<see cref="TryTakeOut"/>), and to which nobody has a translation any more, to a domain that has
    /// room reserved for it. A domain that came to its end meanwhile does not get it, and the frame is free.
    /// </summary>
    public bool Give(Mfn mfn, Domain from, Domain to)
    {
        ref var row = ref this[mfn];
        using (from.PageLock.Hold())
        {
            Unlink(from, mfn, ref row);
        }
        using (to.PageLock.Hold())
        {
            to.TotalPages--;
            if (!to.IsDying)
            {
                Link(to, mfn);
                to.TotalPages++;
                from.FrameFreed();
                return true;
            }
        }
        Disown(ref row);
        GiveBack(mfn);
        from.FrameFreed();
        to.FrameFreed();
        return false;
    }
}
