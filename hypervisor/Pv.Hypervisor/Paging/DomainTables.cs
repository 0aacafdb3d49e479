using Pv.Abi;
using Pv.Hypervisor.Domains;
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
    public Errno TrySetInitialTables(Vcpu vcpu, in VcpuGuestContext context, Vcpu? preemptible)
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
        if (error == Errno.None && isNew && preemptible?.IsWanted == true)
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

    /// <summary>Gives back what a vCPU holds; it will not run again.</summary>
    public void ReleaseVcpu(Vcpu vcpu)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            DescriptorTables.ReleaseLdt(vcpu);
            DescriptorTables.ReleaseGdt(vcpu);
            vcpu.Traps.Holds(vcpu).GiveBackAll(null);
            if (!vcpu.IsInitialised)
                return;
            vcpu.IsInitialised = false;
            if (vcpu.Traps.UserTable is { } user)
                PutFrame(user, null);
            vcpu.Traps.UserTable = null;
            PutFrame(vcpu.Traps.KernelTable, null);
        }
    }

    /// <summary>
    /// Takes every page table of a domain apart: pins first, then whatever a stopped validation or a map of tables by each other still holds.
    /// </summary>
    public void ReleaseAll(Domain domain)
    {
        if (domain.Kind != DomainKind.Paravirtualized)
            return;
        using (domain.PagingLock.Hold())
        {
            FinishTables(domain, null);
            var frames = FramesOf(domain);
            foreach (var mfn in frames)
            {
                if (TryUnpin(mfn))
                    PutFrame(mfn, null);
            }
            foreach (var mfn in frames)
                ReleaseSelfHeld(mfn);
        }
    }

    private void ReleaseSelfHeld(Mfn mfn)
    {
        ref var row = ref Frames[mfn];
        if ((row.Use & SelfHeld) == 0)
            return;
        row.Use &= ~SelfHeld;
        PutFrame(mfn, null);
    }

    private List<Mfn> FramesOf(Domain domain)
    {
        List<Mfn> frames = [];
        using (domain.PageLock.Hold())
        {
            for (var any = Frames.TryFirst(domain, out var mfn); any; any = Frames.TryNext(mfn, out mfn))
                frames.Add(mfn);
        }
        return frames;
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
