using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Paging;

/// <summary>Whose page tables and whose frames an operation is about: the caller's, or, for Dom0, another's.</summary>
internal static class PageOwners
{
    private const int TablesShift = 16;

    /// <summary>The domain word of <c>mmu_update</c>: whose frames in the low half; whose tables, plus one, in the high half when not the caller's.</summary>
    public static bool TryFindTables(ref HypercallContext call, uint word, out Domain tables, out Errno error)
    {
        tables = call.Caller;
        error = Errno.None;
        if (call.Caller.Kind != DomainKind.Paravirtualized)
        {
            error = Errno.EINVAL;
            return false;
        }
        if (word >> TablesShift == 0)
            return true;
        var owner = new DomId((ushort)((word >> TablesShift) - 1));
        error = call.Core.Domains.Find(owner) is null ? Errno.ESRCH : Errno.EPERM;
        return false;
    }

    /// <summary>Finds whose frames are meant; where <paramref name="mayBeNobody"/>, frames that no domain owns (<c>DOMID_IO</c>) will do: null.</summary>
    public static bool TryFindFrames(ref HypercallContext call, DomId id, out Domain? frames, out Errno error, bool mayBeNobody = false)
    {
        frames = call.Caller;
        error = Errno.None;
        if (id == DomId.Self)
            return true;
        if (id == DomId.Io && mayBeNobody)
        {
            frames = null;
            return true;
        }
        if (id == DomId.Io || id == DomId.Xen)
        {
            error = Errno.EPERM;
            return false;
        }
        // Naming oneself as foreign is refused as Xen does.
        frames = id == call.Caller.Id ? null : call.Core.Domains.Find(id);
        error = frames is null ? Errno.ESRCH : call.Caller.IsPrivileged ? Errno.None : Errno.EPERM;
        return error == Errno.None;
    }
}
