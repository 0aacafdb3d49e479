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
    /// On refusal nothing is kept.
    /// </summary>
    public Errno TrySetInitialTables(Vcpu vcpu, in VcpuGuestContext context)
    {
        if (context.LdtEntries > DescriptorTables.MostLdtEntries || context.LdtBase % PageSize.Bytes != 0
            || (context.LdtEntries != 0 && (!PageWalker.IsCanonical(context.LdtBase) || PageWalker.IsReserved(context.LdtBase))))
            return Errno.EINVAL;
        var root = Mfn.OfAddress(context.ControlRegisters[3]);
        var user = Mfn.OfAddress(context.ControlRegisters[1]);
        if (root.Value >= Frames.Length || TryGetFrame(root, FrameType.L4Table, vcpu.Domain.Id, null) != Errno.None)
            return Errno.EINVAL;
        if (user.Value != 0 && TryGetFrame(user, FrameType.L4Table, vcpu.Domain.Id, null) != Errno.None)
        {
            PutFrame(root, null);
            return Errno.EINVAL;
        }
        ReadOnlySpan<ulong> gdt = context.GdtFrames;
        if (DescriptorTables.TrySetGdt(vcpu, gdt, (uint)Math.Min(context.GdtEntries, uint.MaxValue)) is not Errno.None and var error)
        {
            PutFrame(root, null);
            if (user.Value != 0)
                PutFrame(user, null);
            return error;
        }
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
        for (var i = 0; i < EntriesPerTable; i++)
        {
            if (!Descriptor.TryFix(entries[i], out var right))
                return false;
            entries[i] = right;
        }
        return true;
    }
}
