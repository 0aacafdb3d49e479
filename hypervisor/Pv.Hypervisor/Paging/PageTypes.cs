using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Paging;

/// <summary>Types of frames.</summary>
internal sealed partial class PageTypes(HypervisorCore core)
{
    internal const ulong SharedFrameUse = (ulong)FrameType.Writable << 56 | 1ul << 62 | 1;

    public Errno TryGet(Mfn mfn, FrameType type)
    {
        ref var use = ref core.Frames[mfn].Use;
        while (true)
        {
            var seen = Volatile.Read(ref use);
            if ((seen & 0xffff_ffff) != 0 && (FrameType)(seen >> 56 & 15) != type)
                return Errno.EINVAL;
            var next = (seen & 0xffff_ffff) == 0 ? (ulong)type << 56 | 1ul << 62 | 1 : seen + 1;
            if (Interlocked.CompareExchange(ref use, next, seen) == seen)
                return Errno.None;
        }
    }

    public void Put(Mfn mfn) => Interlocked.Decrement(ref core.Frames[mfn].Use);

    public void ReleaseVcpu(Vcpu vcpu)
    {
    }

    public void ReleaseAll(Domain domain)
    {
    }

    public Errno TrySetInitialTables(Vcpu vcpu, in VcpuGuestContext context) => Errno.EOPNOTSUPP;
}
