using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The assist <c>writable_pagetables</c>: a kernel that writes to an L1 table, which it has mapped read-only, faults; the write is
/// judged like an <c>mmu_update</c> and done for it. Tables of higher levels, and writes that would be refused, stay the guest's fault.
/// </summary>
internal static class WritableTables
{
    private const uint Relevant = (uint)(PageFaultError.Present | PageFaultError.Write | PageFaultError.InstructionFetch);
    private const uint WriteToReadOnly = (uint)(PageFaultError.Present | PageFaultError.Write);

    /// <summary>After a page fault. False when the guest shall have it.</summary>
    public static bool TryEmulate(Vcpu vcpu, ulong faultAddress, uint errorCode)
    {
        if ((errorCode & Relevant) != WriteToReadOnly || !vcpu.Traps.InKernel || !vcpu.Domain.HasAssist(VmAssistType.WritablePageTables))
            return false;
        // Most faults of this kind are no table's: only a look, before the instruction is taken apart.
        if (!TryFindTable(vcpu, faultAddress, out _) || !EmulatedStore.TryDecode(vcpu, out var store))
            return false;
        var offset = store.Address & PageSize.OffsetMask;
        if (store.Address >> PageSize.Shift != faultAddress >> PageSize.Shift || offset % (ulong)store.Size != 0)
            return false;
        using var outside = vcpu.StepOutOfGuest();
        using (vcpu.Domain.PagingLock.Hold())
            return TryFindTable(vcpu, faultAddress, out var table) && TryWrite(vcpu, table, offset, ref store);
    }

    private static bool TryWrite(Vcpu vcpu, Mfn table, ulong offset, ref EmulatedStore store)
    {
        const ulong wordMask = sizeof(ulong) - 1;
        var entryAddress = table.Address + (offset & ~wordMask);
        var shift = (int)(offset & wordMask) * 8;
        var mask = ulong.MaxValue >> (64 - store.Size * 8) << shift;
        ulong old;
        Errno error;
        do
        {
            var entry = Volatile.Read(ref vcpu.Domain.Core.Memory.At<ulong>(entryAddress));
            old = (entry & mask) >> shift;
            if (!store.TryCompute(old, out var wanted))
                return false;
            // Part of an entry is written as the whole of it.
            var changed = new PageTableEntry(entry & ~mask | wanted << shift & mask);
            error = vcpu.Domain.Core.PageTypes.UpdateEntry(vcpu.Domain, entryAddress, 1, changed, false, null, new PageTableEntry(entry));
        }
        while (error == Errno.EAGAIN); // another vCPU's walk set an accessed or a dirty bit meanwhile: there are two of them
        if (error != Errno.None)
            return false;
        store.Complete(old);
        return true;
    }

    private static bool TryFindTable(Vcpu vcpu, ulong address, out Mfn table)
    {
        var core = vcpu.Domain.Core;
        table = default;
        if (PageWalker.IsReserved(address) || !PageWalker.TryFindL1Entry(core.Memory, vcpu.Registers.Cr3, address, out var entryAddress))
            return false;
        var entry = new PageTableEntry(core.Memory.At<ulong>(entryAddress));
        table = entry.Frame;
        return entry.IsPresent && !entry.IsWritable && core.Frames.TryGetOwner(table, out var owner) && owner == vcpu.Domain.Id
            && core.PageTypes.IsValid(table, FrameType.L1Table);
    }
}
