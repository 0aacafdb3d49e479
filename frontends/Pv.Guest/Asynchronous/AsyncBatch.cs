using Pv.Abi;

namespace Pv.Guest;

/// <summary>A batch of asynchronous hypercalls: <see cref="Submit"/> returns before they are made.</summary>
public sealed class AsyncBatch : HypercallBatch
{
    private readonly AsyncQueue _queue;
    private readonly long _cookie;
    private readonly long[] _results = new long[Capacity];
    private readonly EventSignal _signal = new();
    private int _left = -1;

    internal AsyncBatch(AsyncQueue queue, IArgumentPages pages, long cookie, int place) : base(pages)
    {
        (_queue, _cookie, Place) = (queue, cookie, place);
    }

    /// <summary>Whether the calls were made. A look for it costs no entry into the hypervisor.</summary>
    public override bool IsDone
    {
        get
        {
            if (_left > 0)
                _queue.Drain();
            return _left == 0;
        }
    }

    private protected override bool IsUnderWay => _left > 0;

    internal int Place { get; }

    /// <summary>The index behind the last of the calls in the queue.</summary>
    internal uint End { get; private set; }

    internal bool IsAwaited { get; private set; }

    /// <summary>
    /// Leaves the calls to the hypervisor. <see cref="Errno.EAGAIN"/>: the queue has no room for all of them yet; <see cref="Errno.EBADMSG"/>: it
    /// was stopped.
    /// </summary>
    public override Errno Submit()
    {
        if (IsUnderWay)
            throw new InvalidOperationException("The calls of the batch are being made.");
        if (_queue.Room < Count)
            _queue.Drain();
        if (_queue.Room < Count)
            return Errno.EAGAIN;
        for (var i = 0; i < Count; i++)
            _queue.TryAdd(ReadEntry(i) with { Result = _cookie | (uint)i });
        (_left, End) = (Count, _queue.End);
        return Count == 0 ? Errno.None : _queue.Publish();
    }

    public override ValueTask<bool> WhenDoneAsync()
    {
        if (IsDone)
            return new ValueTask<bool>(true);
        if (_left < 0)
            return new ValueTask<bool>(false);
        IsAwaited = true;
        if (!_queue.TryArm(End))
        {
            IsAwaited = false;
            return new ValueTask<bool>(IsDone);
        }
        return _signal.WaitAsync();
    }

    public override void Dispose()
    {
        if (IsUnderWay)
            throw new InvalidOperationException("The calls of the batch are being made.");
        _queue.Remove(this);
        base.Dispose();
    }

    internal void Complete(int index, long result)
    {
        _results[index] = result;
        _left--;
    }

    internal void Wake()
    {
        IsAwaited = false;
        _signal.Set();
    }

    /// <summary>What was not made will not be.</summary>
    internal void Abandon()
    {
        IsAwaited = false;
        if (_left > 0)
            _left = -1;
        _signal.Close();
    }

    private protected override long ReadResult(int index) => _results[index];

    private protected override void Forget() => _left = -1;
}
