using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Paging;

/// <summary><c>mmu_update</c>: writes entries of page tables, words of other frames, and entries of the machine-to-physical table.</summary>
internal static class MmuUpdateOperation
{
    // The kind stands in the address's low bits, of which an entry's address has three.
    private const ulong UnknownKind = 4;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var batch = MmuBatch.Begin(ref call, MmuUpdate.WireSize);
        if (batch.Refused is { } refused)
            return refused;
        var owners = (uint)call.Arguments.Fourth;
        // Whether the caller may is asked with the first element: a list of none is nobody's business.
        if (!PageOwners.TryFindTables(ref call, owners, out var tables, out var error))
            return error == Errno.EPERM ? Refuse(ref call, batch, error) : error;
        if (!PageOwners.TryFindFrames(ref call, new DomId((ushort)owners), out var frames, out error, mayBeNobody: true))
            return Refuse(ref call, batch, error);
        LockOrder.AssertNotHeld(tables.PageLock);
        LockOrder.AssertNotHeld(tables.Grants.Lock);
        using (tables.PagingLock.Hold())
        {
            if (call.Core.PageTypes.FinishTables(call.Caller, call.Vcpu) == Errno.ERESTART)
                return batch.Again(ref call, 0);
            for (ulong done = 0; done < batch.Count; done++)
            {
                if (done > 0 && call.PreemptionWanted)
                    return batch.Again(ref call, done);
                call.Core.Meter?.Count(1);
                error = call.TryRead(batch.ElementAddress(done), out MmuUpdate update)
                    ? Apply(ref call, tables, frames, update) : Errno.EFAULT;
                if (error == Errno.ERESTART)
                    return batch.Again(ref call, done);
                if (error != Errno.None)
                    return batch.Finish(ref call, done, error);
            }
        }
        return batch.Finish(ref call, batch.Count, Errno.None);
    }

    private static HypercallResult Refuse(ref HypercallContext call, in MmuBatch batch, Errno error)
        => batch.Finish(ref call, 0, error == Errno.EPERM && batch.Count == 0 ? Errno.None : error);

    private static Errno Apply(ref HypercallContext call, Domain tables, Domain? frames, in MmuUpdate update)
    {
        if ((update.Pointer & UnknownKind) != 0)
            return Errno.ENOSYS;
        switch (update.Kind)
        {
            case MmuUpdateKind.MachinePhysical:
                return SetMachinePhysical(ref call, frames, update);
            case MmuUpdateKind.Normal:
            case MmuUpdateKind.PreserveAccessedDirty:
            case MmuUpdateKind.NoTranslate:
                return Write(ref call, tables, update);
            default:
                return Errno.ENOSYS;
        }
    }

    private static Errno SetMachinePhysical(ref HypercallContext call, Domain? frames, in MmuUpdate update)
    {
        var mfn = Mfn.OfAddress(update.Address);
        if (frames is null || !call.Core.Frames.TryGet(mfn, frames.Id))
            return Errno.EINVAL;
        call.Core.MachineToPhysical[mfn] = new Pfn(update.Value);
        call.Core.Frames.Put(mfn);
        return Errno.None;
    }

    private static Errno Write(ref HypercallContext call, Domain tables, in MmuUpdate update)
    {
        var frame = Mfn.OfAddress(update.Address);
        var types = call.Core.PageTypes;
        if (update.Address % sizeof(ulong) != 0 || !call.Core.Frames.TryGet(frame, tables.Id))
            return Errno.EINVAL;
        var type = types.TypeOf(frame);
        var level = EntryRules.LevelOf(type);
        var error = level != 0 && types.IsValid(frame, type)
            ? types.UpdateEntry(tables, update.Address, level, new PageTableEntry(update.Value), update.Kind == MmuUpdateKind.PreserveAccessedDirty, call.Vcpu)
            : types.WriteWord(frame, update.Address, update.Value);
        call.Core.Frames.Put(frame);
        return error;
    }
}
