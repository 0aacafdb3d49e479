using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Memory;

// Memory that a toolstack has put aside for a domain that it is about to fill (XENMEM_claim_pages): it is nobody's yet, and no other gets it.
internal sealed partial class FrameTable
{
    private readonly Lock _claimLock = new();
    private ulong _claimed;

    /// <summary>How many frames are claimed and not yet taken, of all domains.</summary>
    public ulong Claimed => Volatile.Read(ref _claimed);

    /// <summary>Puts aside what a domain lacks to have so many pages; 0 ends a claim.</summary>
    public Errno Claim(Domain domain, ulong pages)
    {
        using (domain.PageLock.Hold())
        lock (_claimLock)
        {
            if (pages == 0)
            {
                _claimed -= domain.ClaimedPages;
                domain.ClaimedPages = 0;
                return Errno.None;
            }
            if (domain.ClaimedPages != 0 || domain.IsDying || pages <= domain.TotalPages || pages > domain.MaxPages)
                return Errno.EINVAL;
            var more = pages - domain.TotalPages;
            if (more > _allocator.FreeFrames - Math.Min(_claimed, _allocator.FreeFrames))
                return Errno.ENOMEM;
            domain.ClaimedPages = more;
            _claimed += more;
            return Errno.None;
        }
    }

    /// <summary>Takes an extent from what is not claimed, or from the owner's claim.</summary>
    private bool TryTake(Domain? owner, int order, ulong limit, out Mfn first)
    {
        // Always: a claim that is made at this moment counts on what is free.
        lock (_claimLock)
        {
            first = Mfn.Invalid;
            var frames = 1ul << order;
            if (_claimed + frames > _allocator.FreeFrames && (owner is null || owner.ClaimedPages < frames))
                return false;
            if (!_allocator.TryAllocate(order, limit, out first))
                return false;
            if (owner is null)
                return true;
            var taken = Math.Min(owner.ClaimedPages, frames);
            owner.ClaimedPages -= taken;
            _claimed -= taken;
            return true;
        }
    }
}
