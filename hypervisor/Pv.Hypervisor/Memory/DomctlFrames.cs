using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Memory;

/// <summary>The parts of <c>domctl</c> that are about a domain's frames.</summary>
internal static class DomctlFrames
{
    private const ulong MostDescribed = 1024;

    private const uint LogDirtyOn = (uint)ShadowOperation.EnableLogDirty, Clean = (uint)ShadowOperation.Clean, Peek = (uint)ShadowOperation.Peek;

    /// <summary>What frames are: each number in the list is replaced.</summary>
    public static HypercallResult Describe(ref HypercallContext call, Domain domain, in DomctlGetPageFrameInfo info)
    {
        if (info.Count > MostDescribed)
            return Errno.E2BIG;
        if (domain.Kind == DomainKind.Managed)
            return Errno.EINVAL;
        for (ulong i = 0; i < info.Count; i++)
        {
            var at = info.Array + (i * sizeof(ulong));
            if (!call.TryRead(at, out Mfn mfn) || !call.TryWrite(at, (ulong)Describe(domain, mfn)))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }

    private static PageFrameInfo Describe(Domain domain, Mfn mfn)
    {
        var core = domain.Core;
        if (!core.Frames.TryGet(mfn, domain.Id))
            return PageFrameInfo.Invalid;
        var type = core.PageTypes.TypeOf(mfn);
        var info = core.PageTypes.IsValid(mfn, type) ? type switch
        {
            FrameType.L1Table => PageFrameInfo.L1Table,
            FrameType.L2Table => PageFrameInfo.L2Table,
            FrameType.L3Table => PageFrameInfo.L3Table,
            FrameType.L4Table => PageFrameInfo.L4Table,
            _ => PageFrameInfo.NotTable,
        } : PageFrameInfo.NotTable;
        if (core.PageTypes.IsPinned(mfn))
            info |= PageFrameInfo.PinnedTable;
        core.Frames.Put(mfn);
        return info;
    }

    /// <summary>Fills a frame of the domain's with hypercall stubs.</summary>
    public static HypercallResult WriteStubs(Domain domain, in DomctlHypercallInit init)
    {
        if (domain.Kind != DomainKind.Paravirtualized || !domain.Core.Frames.TryGet(new Mfn(init.Gmfn), domain.Id))
            return Errno.EINVAL;
        var mfn = new Mfn(init.Gmfn);
        var isWritable = HeldFrames.TryHold(domain, init.Gmfn, out _);
        if (isWritable)
        {
            HypercallStubs.Fill(domain.Core.Memory.Bytes(mfn.Address, PageSize.Bytes));
            domain.Core.Memory.Marks.NoteWrite(mfn);
            HeldFrames.Release(domain, mfn);
        }
        domain.Core.Frames.Put(mfn);
        return isWritable ? HypercallResult.Success : Errno.EPERM;
    }

    /// <summary>
    /// Shadow page tables and the log of written pages: there are none, as with a Xen built without them. Reading a log that is off is no error.
    /// </summary>
    public static HypercallResult Shadow(Domain domain, ref DomctlShadowOp shadow)
    {
        if (domain.Kind == DomainKind.Control)
            return Errno.EINVAL;
        if (domain.IsDying)
            return HypercallResult.Success;
        switch ((uint)shadow.Operation)
        {
            case LogDirtyOn:
                return Errno.EOPNOTSUPP;
            case Clean or Peek:
                shadow.Stats = default;
                return HypercallResult.Success;
            default:
                return Errno.EINVAL;
        }
    }
}
