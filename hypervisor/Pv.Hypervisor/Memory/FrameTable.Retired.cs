using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Memory;

// Frames that a domain gave away in one step, and that go back to the host one after the other: each by itself takes the host some time.
internal sealed partial class FrameTable
{
    private const int FramesBetweenLooks = 64;

    /// <summary>
    /// Takes extents, of which all frames were taken out of use (<see cref="TryTakeOut"/>), from a domain for good. When this returns no vCPU reaches them;
    /// they are free when <see cref="FreeRetired"/> comes to them.
    /// </summary>
    public void Retire(Domain domain, ReadOnlySpan<ulong> extents, int order)
    {
        ulong stamp = 0;
        foreach (var extent in extents)
        {
            for (ulong i = 0; i < 1ul << order; i++)
                stamp = Math.Max(stamp, this[new Mfn(extent + i)].Stamp);
        }
        FlushBeforeFree?.Invoke(domain.Id, stamp);
        using (domain.PageLock.Hold())
        {
            foreach (var extent in extents)
            {
                for (ulong i = 0; i < 1ul << order; i++)
                    Unlink(domain, new Mfn(extent + i), ref this[new Mfn(extent + i)]);
                domain.Retired.Enqueue((new Mfn(extent), order));
            }
        }
    }

    /// <summary>Frees what was taken from a domain. <see cref="Errno.ERESTART"/> when others should go before <paramref name="preemptible"/>: call again.</summary>
    public Errno FreeRetired(Domain domain, IPreemptible? preemptible)
    {
        for (var done = 0; ;)
        {
            (Mfn First, int Order) extent;
            using (domain.PageLock.Hold())
            {
                if (!domain.Retired.TryDequeue(out extent))
                    return Errno.None;
            }
            for (ulong i = 0; i < 1ul << extent.Order; i++)
            {
                ref var row = ref this[extent.First.Plus(i)];
                (row.Use, row.Count, row.Owner) = (0, 0, DomId.Invalid);
            }
            _memory.Discard(extent.First, 1ul << extent.Order);
            _allocator.Free(extent.First, extent.Order);
            domain.Core.Meter?.Count(1 << extent.Order);
            done += 1 << extent.Order;
            if (done < FramesBetweenLooks)
                continue;
            if (preemptible?.IsWantedAfter(done) == true)
                return Errno.ERESTART;
            done = 0;
        }
    }
}
