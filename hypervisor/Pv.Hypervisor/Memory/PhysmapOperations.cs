using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

/// <summary>The parts of <c>memory_op</c> that change an auto-translated domain's physical map.</summary>
internal static class PhysmapOperations
{
    // A frame with marks of use is for so many frames of entries.
    private const uint EntriesPerStatus = 8;

    public static HypercallResult Add(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out AddToPhysmap add))
            return Errno.EFAULT;
        if (Find(ref call, add.Domain, out var domain) is not Errno.None and var error)
            return error;
        return AddOne(ref call, domain, add.Space, DomId.Invalid, add.Index, add.Gpfn);
    }

    public static HypercallResult AddBatch(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out AddToPhysmapBatch batch))
            return Errno.EFAULT;
        if (Find(ref call, batch.Domain, out var domain) is not Errno.None and var error)
            return error;
        for (uint i = 0; i < batch.Size; i++)
        {
            if (i > 0 && call.PreemptionWanted)
                return ContinueBatch(ref call, argument, batch, i);
            if (!call.TryRead(batch.Indices + i * sizeof(ulong), out ulong index) || !call.TryRead(batch.Gpfns + i * sizeof(ulong), out Pfn gpfn))
                return Errno.EFAULT;
            var result = AddOne(ref call, domain, (PhysmapSpace)batch.Space, batch.Extra.ForeignDomain, index, gpfn);
            if (!call.TryWrite(batch.Errors + i * sizeof(int), -(int)result))
                return Errno.EFAULT;
        }
        return HypercallResult.Success;
    }

    /// <summary>Says in the argument itself what remains, as Xen does.</summary>
    private static HypercallResult ContinueBatch(ref HypercallContext call, ulong argument, AddToPhysmapBatch batch, uint done)
    {
        batch.Size -= (ushort)done;
        batch.Indices += done * sizeof(ulong);
        batch.Gpfns += done * sizeof(ulong);
        batch.Errors += done * sizeof(int);
        return call.TryWrite(argument, batch) ? HypercallResult.Again : Errno.EFAULT;
    }

    public static HypercallResult Remove(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out RemoveFromPhysmap remove))
            return Errno.EFAULT;
        if (Find(ref call, remove.Domain, out var domain) is not Errno.None and var error)
            return error;
        return RemoveOne(domain, remove.Gpfn);
    }

    /// <summary>Maps frames that the hypervisor shares with a domain (its grant table) into the physical map of Dom0, at frames of its choice.</summary>
    public static HypercallResult Acquire(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out AcquireResource acquire))
            return Errno.EFAULT;
        if (acquire.Padding != 0)
            return Errno.EINVAL;
        if (!call.Caller.IsPrivileged || call.Caller.PhysicalMap is null)
            return Errno.EPERM;
        if (call.Core.Domains.Find(acquire.Domain) is not { } domain)
            return Errno.ESRCH;
        if (acquire.Type > ResourceType.VmTraceBuffer)
            return Errno.EOPNOTSUPP;
        // Of a grant table, id 0 is the shared frames, id 1 the marks of use of version 2: two bytes for each of the entries of 16.
        if (acquire.Type != ResourceType.GrantTable || acquire.Id > 1)
            return Errno.EINVAL;
        var most = acquire.Id == 0 ? domain.Grants.MaxFrames : (domain.Grants.MaxFrames + EntriesPerStatus - 1) / EntriesPerStatus;
        if (acquire.FrameList == 0)
        {
            if (acquire.FrameCount != 0)
                return Errno.EINVAL;
            acquire.FrameCount = most;
            return call.TryWrite(argument, acquire) ? HypercallResult.Success : Errno.EFAULT;
        }
        // The marks of use are mapped by nobody here, so nobody gets them.
        if (acquire.FrameCount == 0 || acquire.Frame >= most || acquire.FrameCount > most - acquire.Frame || acquire.Id != 0)
            return Errno.EINVAL;
        for (uint i = 0; i < acquire.FrameCount; i++)
        {
            if (!call.TryRead(acquire.FrameList + i * sizeof(ulong), out Pfn gpfn))
                return Errno.EFAULT;
            if (gpfn.Value >= PhysicalMap.Limit)
                return Errno.EINVAL;
            if (domain.Grants.GetSharedFrame((uint)acquire.Frame + i, out var mfn) is not Errno.None and var error)
                return error;
            if (!call.Core.Frames.TryGet(mfn, domain.Id))
                return Errno.EINVAL;
            if (Insert(call.Caller, gpfn, PhysicalMapKind.Foreign, mfn) is not Errno.None and var failed)
                return failed;
        }
        return HypercallResult.Success;
    }

    /// <summary>Takes an entry away, with what it held. A grant's entry goes only by unmapping the grant.</summary>
    public static Errno RemoveOne(Domain domain, Pfn gpfn)
    {
        PhysicalMapKind kind;
        Mfn mfn;
        using (domain.PageLock.Hold())
        {
            kind = domain.PhysicalMap!.Get(gpfn, out mfn);
            if (kind == PhysicalMapKind.Empty)
                return Errno.ENOENT;
            if (kind is PhysicalMapKind.Grant or PhysicalMapKind.ReadOnlyGrant)
                return Errno.EBUSY;
            domain.PhysicalMap.Clear(gpfn);
        }
        var core = domain.Core;
        if (kind == PhysicalMapKind.Foreign)
        {
            core.Frames.Put(mfn);
        }
        else if (kind == PhysicalMapKind.Own && core.Frames.TryGet(mfn, domain.Id))
        {
            core.MachineToPhysical[mfn] = Pfn.Invalid;
            core.Frames.DropAllocation(mfn);
            core.Frames.Put(mfn);
        }
        return Errno.None;
    }

    private static Errno AddOne(ref HypercallContext call, Domain domain, PhysmapSpace space, DomId foreignId, ulong index, Pfn gpfn)
    {
        if (domain.PhysicalMap is null)
            return Errno.EACCES;
        if (gpfn.Value >= PhysicalMap.Limit)
            return Errno.EINVAL;
        Mfn mfn;
        PhysicalMapKind kind;
        switch (space)
        {
            case PhysmapSpace.SharedInfo when index == 0:
                (mfn, kind) = (domain.SharedInfo, PhysicalMapKind.Xen);
                break;
            case PhysmapSpace.GrantTable:
                if (domain.Grants.GetSharedFrame((uint)index, out mfn) is not Errno.None and var error)
                    return error;
                kind = PhysicalMapKind.Xen;
                break;
            case PhysmapSpace.GmfnForeign:
                if (!TryHoldForeign(ref call, foreignId, index, out mfn, out error))
                    return error;
                kind = PhysicalMapKind.Foreign;
                break;
            default:
                return Errno.ENOSYS;
        }
        return Insert(domain, gpfn, kind, mfn);
    }

    /// <summary>Enters a frame where nothing is mapped; a foreign frame's reference is given back when something is.</summary>
    private static Errno Insert(Domain domain, Pfn gpfn, PhysicalMapKind kind, Mfn mfn)
    {
        Errno error;
        using (domain.PageLock.Hold())
        {
            // The map of a domain at its end is emptied, and what it shared with the hypervisor goes.
            error = domain.IsDying ? Errno.ESRCH : domain.PhysicalMap!.Get(gpfn, out _) != PhysicalMapKind.Empty ? Errno.EEXIST : Errno.None;
            if (error == Errno.None)
                domain.PhysicalMap!.Set(gpfn, kind, mfn);
        }
        if (error != Errno.None && kind == PhysicalMapKind.Foreign)
            domain.Core.Frames.Put(mfn);
        return error;
    }

    private static bool TryHoldForeign(ref HypercallContext call, DomId foreignId, ulong index, out Mfn mfn, out Errno error)
    {
        mfn = new Mfn(index);
        error = Errno.EPERM;
        if (!call.Caller.IsPrivileged)
            return false;
        error = Errno.ESRCH;
        if (call.Core.Domains.Find(foreignId) is not { } foreign)
            return false;
        error = Errno.EINVAL;
        if (foreign.PhysicalMap is { } foreignMap && foreignMap.Get(new Pfn(index), out mfn) is not (PhysicalMapKind.Own or PhysicalMapKind.Xen))
            return false;
        return call.Core.Frames.TryGet(mfn, foreign.Id);
    }

    /// <summary>The domain whose physical map an operation is about. That one has none is said before that it is not the caller's to change.</summary>
    private static Errno Find(ref HypercallContext call, DomId id, out Domain domain)
    {
        domain = call.Caller;
        if (id != DomId.Self)
        {
            if (call.Core.Domains.Find(id) is not { } other)
                return Errno.ESRCH;
            domain = other;
        }
        // To others Dom0 is a paravirtualized domain, as on Xen.
        if (domain.PhysicalMap is null || (domain != call.Caller && domain.Kind == DomainKind.Control))
            return Errno.EACCES;
        return domain == call.Caller || call.Caller.IsPrivileged ? Errno.None : Errno.EPERM;
    }
}
