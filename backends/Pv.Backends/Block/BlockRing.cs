using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Backends.Block;

/// <summary>
/// One ring of a block device, and the thread that serves it: takes what the ring holds, maps the pages of all of it in one call, hands
/// all of it to the storage, and answers together what is done.
/// </summary>
/// <remarks>
/// The thread is the ring's own, as in Linux's back end, so that a front end which asks without end costs nobody but itself. It allocates
/// nothing once warm and holds no lock across a call. Completions come from any thread.
/// </remarks>
internal sealed class BlockRing
{
    /// <summary>How many pages of the guest may be mapped at once: 8 MiB. What a ring asks beyond that waits for answers.</summary>
    private const int MaxMappedPages = 2048;

    /// <summary>What a storage that does requests at once gets between two looks for answers: some 40 us of copying out of the host's memory.</summary>
    private const long PartBytes = 256 * 1024;

    /// <summary>What a request costs beside its bytes, as so many bytes.</summary>
    private const long RequestBytes = 8 * 1024;

    private readonly BackRing<BlockRequest, BlockResponse> _ring;
    private readonly EventChannel _channel;
    private readonly GrantWindow _window;
    private readonly HostSignal _wake = new();
    private readonly string _name;
    private readonly Action<string> _failed;
    private readonly Stack<BlockSlot> _free = new();
    private readonly BlockSlot[] _taken;
    private readonly BlockTransfer[] _submit;

    // Apart from those, since answers are put while a visit's requests are being submitted.
    private readonly BlockTransfer[] _again;
    private BlockSlot? _done;
    private BlockSlot? _barrier;
    private BlockMedium _medium;
    private int _outstanding;
    private BlockCounts _counts;
    private volatile bool _isStopping;
    private bool _hasFailed;
    private TaskCompletionSource _stopped = new();

    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="domain">The front end's domain.</param>
    /// <param name="pages">The ring, mapped for as long as this lives.</param>
    /// <param name="channel">Its event channel, which only signals; its handler is the ring's.</param>
    /// <param name="medium">What requests are judged by.</param>
    /// <param name="name">The thread's.</param>
    /// <param name="persistent">The front end uses the same grants again and again: they stay mapped.</param>
    /// <param name="failed">Told once, on the ring's thread, why the ring is lost. Nothing more is taken then; stop it.</param>
    public BlockRing(Dom0Kernel kernel, DomId domain, SharedPage[] pages, EventChannel channel, BlockMedium medium, string name, bool persistent, Action<string> failed)
    {
        _ring = new BackRing<BlockRequest, BlockResponse>(pages);
        _window = new GrantWindow(kernel, domain, persistent ? MaxMappedPages : 0);
        (_channel, _medium, _name, _failed) = (channel, medium, name, failed);
        _taken = new BlockSlot[_ring.Size];
        _submit = new BlockTransfer[_ring.Size];
        _again = new BlockTransfer[_ring.Size];
        for (var i = 0; i < _ring.Size; i++)
            _free.Push(new BlockSlot(this));
        channel.Handler = _wake.Set;
    }

    /// <summary>What it has done so far. Any thread.</summary>
    public BlockCounts Counts => _counts with { Outstanding = _outstanding, RingEntries = _ring.Size };

    /// <summary>Begins, or goes on after <see cref="StopAsync"/>, perhaps with another medium.</summary>
    public void Start(BlockMedium medium)
    {
        _medium = medium;
        _isStopping = false;
        _stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(Run) { IsBackground = true, Name = _name }.Start();
    }

    /// <summary>Takes nothing more; completes when all that was taken is answered and no page is mapped.</summary>
    public Task StopAsync()
    {
        _isStopping = true;
        _wake.Set();
        return _stopped.Task;
    }

    /// <summary>Sends the front end an event that answers nothing. Any thread, until it is closed.</summary>
    public void Nudge() => _channel.Notify();

    /// <summary>Gives back what the ring held of Dom0. It is stopped.</summary>
    /// <remarks>The signal stays: whoever completed the last transfer, or delivers the last event, may be at it still.</remarks>
    public void Close()
    {
        _channel.Dispose();
        _window.Dispose();
    }

    /// <summary>The storage is done with a slot. Any thread.</summary>
    public void NoteDone(BlockSlot slot)
    {
        BlockSlot? head;
        do
            slot.NextDone = head = Volatile.Read(ref _done);
        while (Interlocked.CompareExchange(ref _done, slot, head) != head);
        // Whoever put the first wakes for all that follow.
        if (head is null)
            _wake.Set();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                var moved = Answer();
                if (!_isStopping && !_hasFailed)
                    moved |= Take();
                if (moved)
                    continue;
                if (_isStopping && _outstanding == 0)
                    break;
                // Nobody sleeps without looking again.
                if (_isStopping || _hasFailed || !CanTake || !_ring.FinalCheck())
                    _wake.Wait();
            }
            _window.Forget();
            _stopped.SetResult();
        }
        catch (Exception failure)
        {
            // Nothing that a guest does leads here. What is mapped stays so: the storage may still be at it.
            Fail($"the back end failed: {failure}");
            _stopped.SetResult();
        }
    }

    private bool CanTake => _barrier is null && _window.Mapped < MaxMappedPages;

    /// <summary>Takes what the ring holds and starts it. False: there was nothing that could be taken.</summary>
    private bool Take()
    {
        var (any, count) = (false, 0);
        var demand = _window.Mapped;
        while (_barrier is null && demand < MaxMappedPages)
        {
            var result = _ring.TryTake(out var request);
            if (result == RingResult.Corrupt)
                Fail(_ring.Corruption!);
            if (result != RingResult.Done)
                break;
            any = true;
            // A request that has no answer yet holds its entry, so there are as many slots as can be needed.
            var slot = _free.Pop();
            _outstanding++;
            if (!slot.TryAccept(request, _medium))
            {
                NoteDone(slot);
                continue;
            }
            demand += slot.PageDemand;
            _taken[count++] = slot;
            if (slot.IsBarrier)
                _barrier = slot;
        }
        if (count > 0)
            Begin(_taken.AsSpan(0, count));
        return any;
    }

    private void Begin(Span<BlockSlot> slots)
    {
        ReadIndirectSegments(slots);
        var count = 0;
        foreach (var slot in slots)
        {
            if (slot.Status == BlockStatus.Okay && slot.TryCheckSegments(_medium))
            {
                slot.WantPages(_window);
                slots[count++] = slot;
            }
            else
            {
                Refuse(slot);
            }
        }
        _window.Map();
        // A span, since each store to an array of a base class would look the classes up.
        Span<BlockTransfer> submit = _submit;
        var ready = 0;
        foreach (var slot in slots[..count])
        {
            if (!slot.TryTakePages(_window))
                Refuse(slot);
            else if (slot != _barrier)
                submit[ready++] = slot;
        }
        _window.Clear();
        SubmitVisit(submit[..ready]);
        BeginBarrier();
    }

    /// <summary>
    /// Hands a visit's requests to the storage, together. One that does requests at once gets them in parts when they are many bytes: what is
    /// done is answered, and the front end goes on while the rest is done.
    /// </summary>
    private void SubmitVisit(ReadOnlySpan<BlockTransfer> batch)
    {
        while (!batch.IsEmpty)
        {
            var (count, bytes) = (0, 0L);
            while (count < batch.Length && bytes < PartBytes)
                bytes += batch[count++].Length + RequestBytes;
            Submit(batch[..count]);
            batch = batch[count..];
            if (Volatile.Read(ref _done) is not null)
            {
                Answer();
                continue;
            }
            Submit(batch);
            return;
        }
    }

    /// <summary>Maps the pages in which the segments of indirect requests stand, and copies them; they are unmapped with the next that are.</summary>
    private void ReadIndirectSegments(ReadOnlySpan<BlockSlot> slots)
    {
        var any = false;
        foreach (var slot in slots)
        {
            if (!slot.IsIndirect)
                continue;
            slot.FirstPlace = _window.Want(slot.SegmentPage, readOnly: true);
            any = true;
        }
        if (!any)
            return;
        _window.Map();
        foreach (var slot in slots)
        {
            if (!slot.IsIndirect)
                continue;
            if (_window.TryGet(slot.FirstPlace, out var page))
            {
                slot.ReadSegments(page);
                _window.Drop(page);
            }
            else
            {
                slot.Status = BlockStatus.Error;
            }
        }
        _window.Clear();
    }

    private void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        if (!batch.IsEmpty)
            _medium.Storage!.Submit(batch);
    }

    /// <summary>Begins a barrier once nothing else is under way: its flush first, and its data when that is done.</summary>
    private void BeginBarrier()
    {
        if (_barrier is not { IsUnderWay: false, Status: BlockStatus.Okay } barrier || _outstanding > 1)
            return;
        barrier.IsUnderWay = true;
        _again[0] = barrier;
        Submit(_again.AsSpan(0, 1));
    }

    private void Refuse(BlockSlot slot)
    {
        slot.Status = BlockStatus.Error;
        NoteDone(slot);
    }

    /// <summary>Answers what is done: its pages are the guest's again before it sees the answer. False: nothing is done.</summary>
    private bool Answer()
    {
        var done = Interlocked.Exchange(ref _done, null);
        if (done is null)
            return false;
        var again = 0;
        BlockSlot? answers = null;
        while (done is not null)
        {
            var slot = done;
            done = slot.NextDone;
            if (slot.TryGoOnAfterFlush())
            {
                _again[again++] = slot;
                continue;
            }
            slot.NextDone = answers;
            answers = slot;
            foreach (ref readonly var view in slot.Views)
            {
                if (slot.Action == BlockAction.Read)
                    view.Page.NoteWritten();
                _window.Drop(view);
            }
        }
        _window.Unmap();
        for (; answers is not null; answers = answers.NextDone)
        {
            _counts.Note(answers.Action, answers.Length, answers.Status == BlockStatus.Okay);
            _ring.Put(new BlockResponse { Id = answers.Id, Operation = answers.Operation, Status = answers.Status });
            _outstanding--;
            if (answers == _barrier)
                _barrier = null;
            _free.Push(answers);
        }
        if (_ring.Publish())
            _channel.Notify();
        Submit(_again.AsSpan(0, again));
        BeginBarrier();
        return true;
    }

    private void Fail(string reason)
    {
        if (_hasFailed)
            return;
        _hasFailed = true;
        _failed(reason);
    }
}
