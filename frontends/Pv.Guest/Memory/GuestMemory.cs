using Pv.Abi;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Guest;

/// <summary>
/// The frames of a domain as its kernel hands them out: its own memory, and pseudo-physical numbers beyond it at which foreign frames
/// can be mapped.
/// </summary>
/// <remarks>Any thread for Dom0. Frame 0 is never given: address 0 means "none" to many hypercalls.</remarks>
public sealed class GuestMemory
{
    private readonly IGuestGate _gate;
    private readonly HashSet<ulong> _taken;
    private readonly Stack<Pfn> _free = new();
    private readonly Stack<Pfn> _freeSlots = new();
    private readonly Lock _lock = new();
    private readonly ulong _first;
    private ulong _next = 1;
    private ulong _nextSlot;
    private ulong _used;

    /// <param name="gate">The domain's gate.</param>
    /// <param name="taken">What holds something already: the start page, the rings, a module.</param>
    internal GuestMemory(IGuestGate gate, IEnumerable<Pfn> taken)
    {
        _gate = gate;
        _taken = [.. taken.Select(pfn => pfn.Value)];
        FrameCount = _first = gate.InitialFrames;
        _used = 1 + (ulong)_taken.Count(pfn => pfn > 0 && pfn < FrameCount);
        _nextSlot = Math.Max(FrameCount, _taken.Count == 0 ? 0 : _taken.Max() + 1);
    }

    /// <summary>How many frames the domain has: those it started with, less what its balloon holds, and what it was given since.</summary>
    public ulong FrameCount { get; private set; }

    /// <summary>How many of them nobody has.</summary>
    public ulong FreeFrames
    {
        get
        {
            lock (_lock)
                return FrameCount - _used;
        }
    }

    /// <summary>A frame as a page.</summary>
    public SharedPage Page(Pfn pfn) => _gate.Page(pfn);

    /// <summary>Gives a frame that reads as zero.</summary>
    /// <exception cref="OutOfMemoryException">None is free.</exception>
    public Pfn Allocate()
    {
        Pfn pfn;
        lock (_lock)
        {
            if (!_free.TryPop(out pfn))
            {
                // A frame that nobody had is zero: the hypervisor sees to that.
                var fresh = NextFresh();
                _used++;
                return fresh;
            }
            _used++;
        }
        Page(pfn).Clear(0, PageSize.Bytes);
        return pfn;
    }

    /// <summary>Takes back what <see cref="Allocate"/> gave. Nobody else may still map it.</summary>
    public void Free(Pfn pfn)
    {
        lock (_lock)
        {
            _used--;
            _free.Push(pfn);
        }
    }

    /// <summary>A pseudo-physical number without memory, to map something at.</summary>
    public Pfn TakeSlot()
    {
        lock (_lock)
            return _freeSlots.TryPop(out var slot) ? slot : new Pfn(_nextSlot++);
    }

    /// <summary>Takes back a number from <see cref="TakeSlot"/> at which nothing is mapped any more.</summary>
    public void ReturnSlot(Pfn slot)
    {
        lock (_lock)
            _freeSlots.Push(slot);
    }

    /// <summary>Frames that were allocated and then given back to the hypervisor are the domain's no more.</summary>
    internal void Lose(int frames)
    {
        lock (_lock)
        {
            FrameCount -= (ulong)frames;
            _used -= (ulong)frames;
        }
    }

    /// <summary>Frames that the hypervisor filled can be allocated from now on.</summary>
    internal void Gain(ReadOnlySpan<Pfn> frames)
    {
        lock (_lock)
        {
            FrameCount += (ulong)frames.Length;
            foreach (var pfn in frames)
                _free.Push(pfn);
        }
    }

    private Pfn NextFresh()
    {
        while (_taken.Contains(_next))
            _next++;
        if (_next >= _first)
            throw new OutOfMemoryException($"All {FrameCount} frames of the domain are in use.");
        return new Pfn(_next++);
    }
}
