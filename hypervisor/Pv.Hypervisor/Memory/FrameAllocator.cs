using Pv.Abi;

namespace Pv.Hypervisor.Memory;

/// <summary>
/// Hands out machine frames by extents of a power of two, like Xen's heap: a buddy allocator over all frames. Frames come back dirty;
/// they are given back to the host when they are freed, and so are zero when somebody sees them next.
/// </summary>
/// <remarks>Any thread; a short lock that nothing is called under.</remarks>
public sealed class FrameAllocator
{
    /// <summary>The largest extent: 2^18 frames, 1 GiB.</summary>
    public const int MaxOrder = 18;

    private readonly Lock _lock = new();
    private readonly SortedSet<ulong>[] _free;

    public FrameAllocator(ulong firstFrame, ulong frames)
    {
        _free = new SortedSet<ulong>[MaxOrder + 1];
        for (var order = 0; order <= MaxOrder; order++)
            _free[order] = [];
        for (var frame = firstFrame; frame < firstFrame + frames;)
        {
            var order = Math.Min(MaxOrder, System.Numerics.BitOperations.TrailingZeroCount(frame));
            while (frame + (1ul << order) > firstFrame + frames)
                order--;
            _free[order].Add(frame);
            frame += 1ul << order;
        }
        FreeFrames = TotalFrames = frames;
    }

    /// <summary>How many frames the allocator began with.</summary>
    public ulong TotalFrames { get; }

    /// <summary>How many nobody has.</summary>
    public ulong FreeFrames { get; private set; }

    /// <summary>How many nobody has from one frame up to another one.</summary>
    public ulong FreeBetween(ulong from, ulong end)
    {
        lock (_lock)
        {
            ulong count = 0;
            for (var order = 0; order <= MaxOrder; order++)
            {
                foreach (var frame in _free[order])
                {
                    var (first, last) = (Math.Max(frame, from), Math.Min(frame + (1ul << order), end));
                    count += last > first ? last - first : 0;
                }
            }
            return count;
        }
    }

    /// <summary>Takes 2^<paramref name="order"/> frames, aligned to their size. False when there is no such extent.</summary>
    public bool TryAllocate(int order, out Mfn first) => TryAllocate(order, ulong.MaxValue, out first);

    /// <summary>The same, with all frames below <paramref name="limit"/>.</summary>
    public bool TryAllocate(int order, ulong limit, out Mfn first)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)order, (uint)MaxOrder, nameof(order));
        lock (_lock)
        {
            var from = order;
            while (from <= MaxOrder && (_free[from].Count == 0 || _free[from].Min + (1ul << order) > limit))
                from++;
            if (from > MaxOrder)
            {
                first = Mfn.Invalid;
                return false;
            }
            // The lowest address of the smallest fitting size: extents stay whole, and used memory stays together.
            var frame = _free[from].Min;
            _free[from].Remove(frame);
            for (; from > order; from--)
                _free[from - 1].Add(frame + (1ul << (from - 1)));
            FreeFrames -= 1ul << order;
            first = new Mfn(frame);
            return true;
        }
    }

    /// <summary>Gives back 2^<paramref name="order"/> frames. Their content is gone already.</summary>
    public void Free(Mfn first, int order)
    {
        lock (_lock)
        {
            FreeFrames += 1ul << order;
            var frame = first.Value;
            for (; order < MaxOrder; order++)
            {
                var buddy = frame ^ (1ul << order);
                if (!_free[order].Remove(buddy))
                    break;
                frame &= ~(1ul << order);
            }
            if (!_free[order].Add(frame))
                throw new InvalidOperationException($"{new Mfn(frame)} was freed twice.");
        }
    }
}
