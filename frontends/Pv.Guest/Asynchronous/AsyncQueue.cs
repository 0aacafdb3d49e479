using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// The vCPU's queue of asynchronous hypercalls (<c>docs/async-hypercalls.md</c>): calls are left in a ring, and the hypervisor makes them while
/// the guest goes on. They are made, and answered, in the order in which they were submitted.
/// </summary>
/// <remarks>In turns only. Nothing is allocated by a call. A call's arguments stay as they are until its completion was taken.</remarks>
public sealed class AsyncQueue : IDisposable
{
    // Cookies of batches: the sign bit, the batch's place, the call's index.
    private const long OfBatch = long.MinValue;
    private const int BatchShift = 16;

    private readonly Hypercalls _hypercalls;
    private readonly GuestMemory _memory;
    private readonly EventChannel _channel;
    private readonly Pfn[] _frames;
    private readonly SharedPage[] _pages;
    private readonly List<AsyncBatch?> _batches = [];
    private readonly Queue<AsyncCompletion> _single = new();
    private uint _submitted, _consumed;
    private uint _armed;
    private bool _isArmed, _disposed;

    private AsyncQueue(Hypercalls hypercalls, GuestMemory memory, EventChannels events, uint entries)
    {
        (_hypercalls, _memory, Entries) = (hypercalls, memory, entries);
        _frames = new Pfn[AsyncHypercalls.FrameCount(entries)];
        _pages = new SharedPage[_frames.Length];
        for (var i = 0; i < _frames.Length; i++)
        {
            _frames[i] = memory.Allocate();
            _pages[i] = memory.Page(_frames[i]);
        }
        _channel = events.BindIpi(OnEvent);
    }

    /// <summary>Sets the queue up.</summary>
    /// <param name="hypercalls">The guest's calls.</param>
    /// <param name="memory">Where the frames come from.</param>
    /// <param name="events">Where the port comes from.</param>
    /// <param name="entries">How many calls may be under way: a power of two, at most <see cref="AsyncHypercalls.MostEntries"/>.</param>
    /// <exception cref="HypercallException">Refused; <see cref="Errno.ENOSYS"/>: the domain may have none.</exception>
    public static AsyncQueue SetUp(Hypercalls hypercalls, GuestMemory memory, EventChannels events, uint entries = 64)
    {
        var queue = new AsyncQueue(hypercalls, memory, events, entries);
        var refused = hypercalls.SetUpAsyncQueue(entries, queue._channel.Port, queue._frames);
        if (refused == Errno.None)
            return queue;
        queue.Release();
        throw new HypercallException("setting up a queue of asynchronous hypercalls", refused);
    }

    /// <summary>How many calls may be under way.</summary>
    public uint Entries { get; }

    /// <summary>How many are, or were made and their completions not taken.</summary>
    public uint UnderWay => _submitted - _consumed;

    /// <summary>How many more may be submitted now.</summary>
    public uint Room => Entries - UnderWay;

    /// <summary>How often the hypervisor had to be entered to wake the service.</summary>
    public ulong Kicks { get; private set; }

    /// <summary>Why the hypervisor does nothing more for the queue; none while it does.</summary>
    public Errno Stopped => (Flags & AsyncRingFlags.Stopped) == 0 ? Errno.None : (Errno)Header.ReadUInt32Acquire(AsyncRing.Error);

    /// <summary>An empty batch on this queue, with a page of its own. Several may be under way.</summary>
    public AsyncBatch Batch()
    {
        var place = _batches.IndexOf(null);
        if (place < 0)
        {
            place = _batches.Count;
            _batches.Add(null);
        }
        var batch = new AsyncBatch(this, _hypercalls.Pages, OfBatch | (long)place << BatchShift, place);
        _batches[place] = batch;
        return batch;
    }

    /// <summary>Writes a call into the ring, where the hypervisor does not see it before <see cref="Publish"/>. False: there is no room.</summary>
    /// <param name="entry">The call; its <see cref="MulticallEntry.Result"/> is the cookie, not negative, that comes back with the result.</param>
    public bool TryAdd(in MulticallEntry entry)
    {
        if (Room == 0)
            return false;
        var slot = _submitted++ & Entries - 1;
        _pages[1 + AsyncHypercalls.CompletionFrames(Entries) + (int)(slot / AsyncRing.SubmissionsPerFrame)]
            .CopyFrom((int)(slot % AsyncRing.SubmissionsPerFrame) * MulticallEntry.WireSize, MemoryMarshal.AsBytes(new ReadOnlySpan<MulticallEntry>(in entry)));
        return true;
    }

    /// <summary>Lets the hypervisor see what was added, and wakes it if it sleeps. The error is that of a queue that was stopped.</summary>
    public Errno Publish()
    {
        Header.WriteUInt32Release(AsyncRing.SubmissionProducer, _submitted);
        return KickIfAsleep();
    }

    /// <summary>Takes the completion of the oldest call that was made by itself, not in a batch. False: there is none yet.</summary>
    public bool TryTake(out AsyncCompletion completion)
    {
        Drain();
        return _single.TryDequeue(out completion);
    }

    /// <summary>Takes the queue down. What the hypervisor did not begin is not done.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _hypercalls.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.TearDown);
        foreach (var batch in _batches)
            batch?.Abandon();
        Release();
    }

    /// <summary>The index behind the last call that was added.</summary>
    internal uint End => _submitted;

    /// <summary>Hands what is complete to whose it is.</summary>
    internal void Drain()
    {
        if (_disposed)
            return;
        var produced = Header.ReadUInt32Acquire(AsyncRing.CompletionProducer);
        if (produced == _consumed)
            return;
        for (; _consumed != produced; _consumed++)
            Deliver(ReadCompletion(_consumed));
        Header.WriteUInt32Release(AsyncRing.CompletionConsumer, _consumed);
        // The service may have gone to sleep for want of room.
        if (_submitted != _consumed)
            KickIfAsleep();
    }

    /// <summary>Has an event sent when the calls before <paramref name="end"/> are complete. False: they are already, or never will be.</summary>
    internal bool TryArm(uint end)
    {
        if (!IsToCome(end))
            return false;
        // One event serves all who wait: the first of them; whoever is not done then arms it again.
        if (!_isArmed || (int)(end - _armed) < 0)
        {
            (_isArmed, _armed) = (true, end);
            Header.WriteUInt32Release(AsyncRing.CompletionEvent, end);
        }
        SharedPage.FullFence();
        if (IsToCome(end))
            return true;
        // It came just now, with an event or without one: others may have waited for a later one.
        _channel.Notify();
        return false;
    }

    internal void Remove(AsyncBatch batch) => _batches[batch.Place] = null;

    private SharedPage Header => _pages[0];

    private AsyncRingFlags Flags => (AsyncRingFlags)Header.ReadUInt32Acquire(AsyncRing.Flags);

    private AsyncCompletion ReadCompletion(uint index)
    {
        var completion = default(AsyncCompletion);
        var slot = index & Entries - 1;
        _pages[1 + (int)(slot / AsyncRing.CompletionsPerFrame)].CopyTo(
            (int)(slot % AsyncRing.CompletionsPerFrame) * AsyncCompletion.WireSize, MemoryMarshal.AsBytes(new Span<AsyncCompletion>(ref completion)));
        return completion;
    }

    private void Deliver(AsyncCompletion completion)
    {
        if (completion.Cookie >= 0)
            _single.Enqueue(completion);
        else
            _batches[(int)((completion.Cookie & long.MaxValue) >> BatchShift)]?.Complete((int)(completion.Cookie & (1 << BatchShift) - 1), completion.Result);
    }

    private Errno KickIfAsleep()
    {
        // What was published is there before the flag is looked at; the service sets the flag and then looks for what was published.
        SharedPage.FullFence();
        var flags = Flags;
        if (flags == AsyncRingFlags.None)
            return Errno.None;
        if ((flags & AsyncRingFlags.Stopped) != 0)
            return Errno.EBADMSG;
        Kicks++;
        return Hypercalls.ErrnoOf(_hypercalls.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.Kick));
    }

    private bool IsToCome(uint end) => (int)(Header.ReadUInt32Acquire(AsyncRing.CompletionProducer) - end) < 0 && (Flags & AsyncRingFlags.Stopped) == 0;

    /// <summary>Wakes the batches that are done, and arms the event for the next one that somebody waits for.</summary>
    private void OnEvent()
    {
        Drain();
        _isArmed = false;
        foreach (var batch in _batches)
        {
            if (batch is not { IsAwaited: true })
                continue;
            if (batch.IsDone || (!TryArm(batch.End) && batch.IsDone))
                batch.Wake();
            else if (Stopped != Errno.None)
                batch.Abandon();
        }
    }

    private void Release()
    {
        _channel.Dispose();
        foreach (var frame in _frames)
            _memory.Free(frame);
    }
}
