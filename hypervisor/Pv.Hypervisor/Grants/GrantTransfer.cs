using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Grants;

/// <summary>
/// <c>GNTTABOP_transfer</c>: the caller gives a frame of its own to a domain that has an entry for it. Once the frame is out of the caller's hands
/// it does not come back: where the other one cannot have it, it is free. That is how Xen does it.
/// </summary>
internal static class GrantTransfer
{
    public static void Transfer(ref HypercallContext call, ref GrantTableTransfer transfer)
        => transfer.Status = Transfer(call.Caller, transfer.Mfn, transfer.Domain, transfer.Ref);

    private static GrantStatus Transfer(Domain from, Mfn frame, DomId id, GrantRef reference)
    {
        var core = from.Core;
        if (!TryTakeOut(from, frame, out var mfn))
            return GrantStatus.BadPage;
        // Nobody can take a reference any more; a vCPU's old translation goes before anybody else has the frame.
        core.Flushes.DropStale(from.Id, core.Frames[mfn].Stamp);
        core.MachineToPhysical[mfn] = Pfn.Invalid;
        var status = core.Domains.Find(id) is { } to ? Give(from, to, mfn, reference) : GrantStatus.BadDomain;
        if (status != GrantStatus.Okay)
            core.Frames.Put(mfn);
        return status;
    }

    private static bool TryTakeOut(Domain from, Mfn frame, out Mfn mfn)
    {
        mfn = frame;
        if (from.PhysicalMap is not { } map)
            return from.Core.Frames.TryTakeOut(mfn, from.Id);
        using (from.PageLock.Hold())
        {
            var gfn = new Pfn(frame.Value);
            if (map.Get(gfn, out mfn) != PhysicalMapKind.Own || !from.Core.Frames.TryTakeOut(mfn, from.Id))
                return false;
            map.Clear(gfn);
            return true;
        }
    }

    private static GrantStatus Give(Domain from, Domain to, Mfn mfn, GrantRef reference)
    {
        var frames = from.Core.Frames;
        if (from != to && !FrameTable.TryReserve(to))
            return GrantStatus.GeneralError;
        if (!to.Grants.TryAccept(reference, from.Id, out var at))
        {
            if (from != to)
                FrameTable.Unreserve(to);
            return GrantStatus.GeneralError;
        }
        if (from == to)
            frames.PutBack(mfn);
        else if (!frames.Give(mfn, from, to))
            return GrantStatus.Okay;
        Place(to, at, mfn);
        to.Grants.Complete(reference, mfn);
        return GrantStatus.Okay;
    }

    /// <summary>The entry says where its domain wants the frame. An auto-translated one that has something there finds it by no address.</summary>
    private static void Place(Domain to, Pfn at, Mfn mfn)
    {
        to.Core.MachineToPhysical[mfn] = at;
        if (to.PhysicalMap is not { } map || at.Value >= PhysicalMap.Limit)
            return;
        using (to.PageLock.Hold())
        {
            if (!to.IsDying && map.Get(at, out _) == PhysicalMapKind.Empty)
                map.Set(at, PhysicalMapKind.Own, mfn);
        }
    }
}
