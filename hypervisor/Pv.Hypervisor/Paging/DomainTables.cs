using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Paging;

// A domain's first and last page tables.
internal sealed partial class PageTypes
{
    /// <summary>
    /// Takes the root and the descriptor frames that a <c>vcpu_guest_context</c> names. The vCPU has never run; the paging lock is held.
    /// On refusal nothing is kept. <see cref="Errno.ERESTART"/> when <paramref name="preemptible"/> should leave its pCPU: call again, the same way.
    /// </summary>
    public Errno TrySetInitialTables(Vcpu vcpu, in VcpuGuestContext context, IPreemptible? preemptible)
    {
        if (context.LdtEntries > DescriptorTables.MostLdtEntries || context.LdtBase % PageSize.Bytes != 0
            || (context.LdtEntries != 0 && (!PageWalker.IsCanonical(context.LdtBase) || PageWalker.IsReserved(context.LdtBase)))
            || context.GdtEntries > DescriptorTables.MostGdtEntries)
            return Errno.EINVAL;
        var holds = vcpu.Traps.Holds(vcpu);
        holds.Begin();
        var root = Mfn.OfAddress(context.ControlRegisters[3]);
        var user = Mfn.OfAddress(context.ControlRegisters[1]);
        var error = holds.TryTake(root, FrameType.L4Table, preemptible, out var isNew);
        if (error == Errno.None && user.Value != 0)
            error = holds.TryTake(user, FrameType.L4Table, preemptible, out isNew);
        if (error == Errno.None && isNew && preemptible?.IsWantedAfter(1) == true)
            return Errno.ERESTART;
        ReadOnlySpan<ulong> gdt = context.GdtFrames;
        if (error == Errno.None)
            error = DescriptorTables.TrySetGdt(vcpu, holds, gdt, (uint)context.GdtEntries, preemptible);
        if (error == Errno.ERESTART)
            return error;
        if (error != Errno.None)
        {
            holds.GiveBackAll(preemptible);
            return Errno.EINVAL;
        }
        holds.Keep(preemptible);
        vcpu.Traps.KernelTable = root;
        vcpu.Traps.UserTable = user.Value == 0 ? null : user;
        (vcpu.Traps.LdtBase, vcpu.Traps.LdtEntries) = (context.LdtBase, (uint)context.LdtEntries);
        return Errno.None;
    }

    /// <summary>Gives back what a vCPU holds; it will not run again. Tables of which something is left are the domain's unfinished ones then.</summary>
    public void ReleaseVcpu(Vcpu vcpu, IPreemptible? preemptible = null)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            DescriptorTables.ReleaseLdt(vcpu);
            DescriptorTables.ReleaseGdt(vcpu);
            vcpu.Traps.Holds(vcpu).GiveBackAll(preemptible);
            if (!vcpu.IsInitialised)
                return;
            vcpu.IsInitialised = false;
            if (vcpu.Traps.UserTable is { } user)
                MmuExtOperations.PutNow(vcpu.Domain, this, user, preemptible);
            vcpu.Traps.UserTable = null;
            MmuExtOperations.PutNow(vcpu.Domain, this, vcpu.Traps.KernelTable, preemptible);
        }
    }

    /// <summary>
    /// Takes the page tables of a domain apart that nobody uses but by a pin, or because a validation stopped. <see cref="Errno.ERESTART"/> when
    /// the stretch is over: call again.
    /// </summary>
    public Errno ReleaseAll(Domain domain, StretchBudget budget)
    {
        if (domain.Kind != DomainKind.Paravirtualized)
            return Errno.None;
        using (domain.PagingLock.Hold())
        {
            if (FinishTables(domain, budget) == Errno.ERESTART)
                return Errno.ERESTART;
            Span<Mfn> held = stackalloc Mfn[1];
            while (!budget.IsSpent)
            {
                budget.Spend(Frames.PassOver(domain, budget.Left, Pinned | SelfHeld, held, out var count));
                if (count != 0)
                    Release(domain, held[0], budget);
                else if (FrameTable.TryBeginAgain(domain))
                    return Errno.None;
            }
            return Errno.ERESTART;
        }
    }

    private void Release(Domain domain, Mfn mfn, StretchBudget budget)
    {
        if (TryUnpin(mfn))
            MmuExtOperations.PutNow(domain, this, mfn, budget);
        ref var row = ref Frames[mfn];
        if ((row.Use & SelfHeld) != 0)
        {
            row.Use &= ~SelfHeld;
            MmuExtOperations.PutNow(domain, this, mfn, budget);
        }
        Frames.Put(mfn);
    }

    /// <summary>Whether a frame may hold descriptors of a guest's; see <see cref="Descriptor"/>. Entries are corrected as Xen does.</summary>
    private bool DescriptorsAreRight(Mfn mfn)
    {
        var entries = core.Memory.Words(mfn);
        core.Meter?.Count(EntriesPerTable);
        for (var i = 0; i < EntriesPerTable; i++)
        {
            if (!Descriptor.TryFix(entries[i], out var right))
                return false;
            entries[i] = right;
        }
        return true;
    }
}
