using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary><c>mmuext_op</c>: pinning, base pointers, flushes, the LDT, clearing and copying of pages.</summary>
internal static class MmuExtOperations
{
    private const ulong MostLdtEntries = 8192;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var batch = MmuBatch.Begin(ref call, MmuExt.WireSize);
        if (batch.Refused is { } refused)
            return refused;
        if (!PageOwners.TryFindFrames(ref call, new DomId((ushort)call.Arguments.Fourth), out var frames, out var error))
            return error;
        if (frames!.Kind != DomainKind.Paravirtualized)
            return Errno.EINVAL;
        LockOrder.AssertNotHeld(frames.PageLock);
        LockOrder.AssertNotHeld(frames.Grants.Lock);
        using (frames.PagingLock.Hold())
        {
            if (call.Core.PageTypes.FinishTables(frames, call.Preemptible) == Errno.ERESTART)
                return batch.Again(ref call, 0);
            for (ulong done = 0; done < batch.Count; done++)
            {
                if (done > 0 && call.Preemptible?.IsWantedAfter(1) == true)
                    return batch.Again(ref call, done);
                call.Core.Meter?.Count(1);
                error = call.TryRead(batch.ElementAddress(done), out MmuExt operation) ? Apply(ref call, frames, operation) : Errno.EFAULT;
                if (error == Errno.ERESTART)
                    return batch.Again(ref call, done);
                if (error != Errno.None)
                    return batch.Finish(ref call, done, error);
            }
        }
        return batch.Finish(ref call, batch.Count, Errno.None);
    }

    private static Errno Apply(ref HypercallContext call, Domain frames, in MmuExt operation) => operation.Operation switch
    {
        MmuExtOperation.PinL1Table or MmuExtOperation.PinL2Table or MmuExtOperation.PinL3Table or MmuExtOperation.PinL4Table
            => Pin(ref call, frames, operation.Mfn, (FrameType)((uint)operation.Operation - (uint)MmuExtOperation.PinL1Table + (uint)FrameType.L1Table)),
        MmuExtOperation.UnpinTable => Unpin(ref call, frames, operation.Mfn),
        >= MmuExtOperation.NewBasePointer and <= MmuExtOperation.NewUserBasePointer or MmuExtOperation.FlushCacheGlobal when frames != call.Caller => Errno.EPERM,
        // What is of the vCPU itself is not done behind its back.
        MmuExtOperation.NewBasePointer or MmuExtOperation.NewUserBasePointer or MmuExtOperation.SetLdt when call.Vcpu.Queue is not null => Errno.EOPNOTSUPP,
        MmuExtOperation.NewBasePointer => BasePointers.SetKernel(call.Vcpu, operation.Mfn),
        MmuExtOperation.NewUserBasePointer => BasePointers.SetUser(call.Vcpu, operation.Mfn),
        MmuExtOperation.TlbFlushLocal => FlushSet(ref call, 1ul << (int)call.Vcpu.Id.Value),
        MmuExtOperation.InvlpgLocal => FlushOne(ref call, operation.LinearAddress),
        MmuExtOperation.TlbFlushMulti or MmuExtOperation.InvlpgMulti
            => VcpuSets.TryRead(ref call, operation.VcpuMask, out var vcpus) ? FlushSet(ref call, vcpus) : Errno.EINVAL,
        MmuExtOperation.TlbFlushAll or MmuExtOperation.InvlpgAll => FlushSet(ref call, ulong.MaxValue),
        // Caches are coherent, and no guest has a device for which that would matter.
        MmuExtOperation.FlushCache => Errno.EACCES,
        MmuExtOperation.FlushCacheGlobal => Errno.EINVAL,
        MmuExtOperation.SetLdt => SetLdt(ref call, operation),
        MmuExtOperation.ClearPage => Clear(ref call, frames, operation.Mfn),
        MmuExtOperation.CopyPage => Copy(ref call, frames, operation.Mfn, operation.SourceMfn),
        MmuExtOperation.MarkSuper or MmuExtOperation.UnmarkSuper => Errno.EOPNOTSUPP,
        _ => Errno.ENOSYS,
    };

    private static Errno Pin(ref HypercallContext call, Domain frames, Mfn mfn, FrameType type)
    {
        var types = call.Core.PageTypes;
        if (types.TryGetFrame(mfn, type, frames.Id, call.Preemptible) is not Errno.None and var error)
            return error;
        if (types.TryPin(mfn))
            return Errno.None;
        PutNow(frames, types, mfn, call.Preemptible);
        return Errno.EINVAL;
    }

    private static Errno Unpin(ref HypercallContext call, Domain frames, Mfn mfn)
    {
        var types = call.Core.PageTypes;
        if (!call.Core.Frames.TryGet(mfn, frames.Id))
            return Errno.EINVAL;
        var unpinned = types.TryUnpin(mfn);
        if (unpinned)
            PutNow(frames, types, mfn, call.Preemptible);
        call.Core.Frames.Put(mfn);
        return unpinned ? Errno.None : Errno.EINVAL;
    }

    /// <summary>Gives a table back; what cannot be done before the pCPU is wanted is done first thing in the next such call.</summary>
    internal static void PutNow(Domain domain, PageTypes types, Mfn mfn, IPreemptible? preemptible)
    {
        if (types.PutFrame(mfn, preemptible) == Errno.ERESTART)
            domain.UnfinishedTables.Enqueue(mfn);
    }

    private static Errno FlushSet(ref HypercallContext call, ulong vcpus)
    {
        call.Core.Flushes.Flush(call.Caller, vcpus);
        return Errno.None;
    }

    private static Errno FlushOne(ref HypercallContext call, ulong address)
    {
        call.Core.Flushes.FlushPage(call.Vcpu, address);
        return Errno.None;
    }

    private static Errno SetLdt(ref HypercallContext call, in MmuExt operation)
    {
        // Xen looks at 32 bits of the number.
        var (address, entries) = (operation.LinearAddress, (uint)operation.Argument2);
        // A table without entries is nowhere.
        if (entries == 0)
            address = 0;
        if (address % PageSize.Bytes != 0 || !PageWalker.IsCanonical(address) || PageWalker.IsReserved(address) || entries > MostLdtEntries)
            return Errno.EINVAL;
        call.Vcpu.Traps.LdtBase = address;
        call.Vcpu.Traps.LdtEntries = entries;
        Traps.DescriptorTables.ReleaseLdt(call.Vcpu);
        return Errno.None;
    }

    private static Errno Clear(ref HypercallContext call, Domain frames, Mfn mfn)
    {
        var types = call.Core.PageTypes;
        if (types.TryGetFrame(mfn, FrameType.Writable, frames.Id, null) != Errno.None)
            return Errno.EINVAL;
        call.Core.Memory.Zero(mfn, 1);
        call.Core.Meter?.CountBytes(PageSize.Bytes);
        types.PutFrame(mfn, null);
        return Errno.None;
    }

    private static Errno Copy(ref HypercallContext call, Domain frames, Mfn to, Mfn from)
    {
        var (types, memory) = (call.Core.PageTypes, call.Core.Memory);
        if (!call.Core.Frames.TryGet(from, frames.Id))
            return Errno.EINVAL;
        var error = types.TryGetFrame(to, FrameType.Writable, frames.Id, null) == Errno.None ? Errno.None : Errno.EINVAL;
        if (error == Errno.None)
        {
            memory.Frame(from).CopyTo(memory.Frame(to));
            call.Core.Meter?.CountBytes(PageSize.Bytes);
            memory.Marks.NoteWrite(to);
            types.PutFrame(to, null);
        }
        call.Core.Frames.Put(from);
        return error;
    }
}
