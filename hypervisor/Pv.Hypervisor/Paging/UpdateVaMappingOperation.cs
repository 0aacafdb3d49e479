using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Paging;

/// <summary><c>update_va_mapping</c>: writes the L1 entry of a virtual address of the running page tables, and flushes as asked.</summary>
internal static class UpdateVaMappingOperation
{
    public static HypercallResult Handle(ref HypercallContext call)
        => Update(ref call, call.Arguments.First, new PageTableEntry(call.Arguments.Second), call.Arguments.Third);

    /// <summary>The form that may map another domain's frames: Dom0's alone, which has no page tables here.</summary>
    public static HypercallResult HandleOtherDomain(ref HypercallContext call)
    {
        if (!PageOwners.TryFindFrames(ref call, new DomId((ushort)call.Arguments.Fourth), out var frames, out var error))
            return error;
        return frames == call.Caller ? Handle(ref call) : Errno.EPERM;
    }

    private static HypercallResult Update(ref HypercallContext call, ulong address, PageTableEntry entry, ulong flags)
    {
        if (call.Caller.Kind != DomainKind.Paravirtualized)
            return Errno.EINVAL;
        Errno error;
        using (call.Caller.PagingLock.Hold())
        {
            if (call.Core.PageTypes.FinishTables(call.Caller, call.Vcpu) == Errno.ERESTART)
                return HypercallResult.Again;
            error = Write(ref call, address, entry);
        }
        if (error == Errno.ERESTART)
            return HypercallResult.Again;
        return error != Errno.None ? error : Flush(ref call, address, flags);
    }

    private static Errno Write(ref HypercallContext call, ulong address, PageTableEntry entry)
    {
        var core = call.Core;
        if (PageWalker.IsReserved(address) || !PageWalker.TryFindL1Entry(core.Memory, call.Vcpu.Registers.Cr3, address, out var entryAddress))
            return Errno.EINVAL;
        return core.PageTypes.UpdateEntry(call.Caller, entryAddress, 1, entry, false, call.Vcpu);
    }

    private static HypercallResult Flush(ref HypercallContext call, ulong address, ulong flags)
    {
        const ulong targetMask = ~(ulong)UpdateVaMappingFlags.FlushTypeMask;
        var kind = (UpdateVaMappingFlags)flags & UpdateVaMappingFlags.FlushTypeMask;
        if (kind is not (UpdateVaMappingFlags.TlbFlush or UpdateVaMappingFlags.Invlpg))
            return HypercallResult.Success;
        ulong vcpus;
        switch (flags & targetMask)
        {
            case 0:
                vcpus = 1ul << (int)call.Vcpu.Id.Value;
                break;
            case (ulong)UpdateVaMappingFlags.All:
                vcpus = ulong.MaxValue;
                break;
            default:
                if (!VcpuSets.TryRead(ref call, flags & targetMask, out vcpus))
                    return Errno.EFAULT;
                break;
        }
        if (kind == UpdateVaMappingFlags.Invlpg && vcpus == 1ul << (int)call.Vcpu.Id.Value)
            call.Core.Flushes.FlushPage(call.Vcpu, address);
        else
            call.Core.Flushes.Flush(call.Caller, vcpus);
        return HypercallResult.Success;
    }
}
