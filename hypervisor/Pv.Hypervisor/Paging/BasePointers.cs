using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary>The roots of a vCPU's page tables. Each holds a reference and a use as an L4 table. The paging lock is held.</summary>
internal static class BasePointers
{
    /// <summary>The kernel's; on the vCPU's own thread, or while it is stopped.</summary>
    public static Errno SetKernel(Vcpu vcpu, Mfn mfn)
    {
        var traps = vcpu.Traps;
        var types = vcpu.Domain.Core.PageTypes;
        if (traps.KernelTable == mfn)
        {
            vcpu.FlushNow();
            return Errno.None;
        }
        if (types.TryGetFrame(mfn, FrameType.L4Table, vcpu.Domain.Id, vcpu) is not Errno.None and var error)
            return error;
        var old = traps.KernelTable;
        traps.KernelTable = mfn;
        if (traps.InKernel)
            vcpu.Registers.Cr3 = mfn.Address;
        vcpu.FlushNow();
        MmuExtOperations.PutNow(vcpu.Domain, types, old, vcpu);
        return Errno.None;
    }

    /// <summary>The user code's; 0 takes it away.</summary>
    public static Errno SetUser(Vcpu vcpu, Mfn mfn)
    {
        var traps = vcpu.Traps;
        var types = vcpu.Domain.Core.PageTypes;
        Mfn? wanted = mfn.Value == 0 ? null : mfn;
        if (traps.UserTable == wanted)
            return Errno.None;
        if (wanted is not null && types.TryGetFrame(mfn, FrameType.L4Table, vcpu.Domain.Id, vcpu) is not Errno.None and var error)
            return error;
        var old = traps.UserTable;
        traps.UserTable = wanted;
        // The old table may go now: no translation of it may stay.
        vcpu.FlushNow();
        if (old is { } table)
            MmuExtOperations.PutNow(vcpu.Domain, types, table, vcpu);
        return Errno.None;
    }
}
