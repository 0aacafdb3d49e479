using Pv.Abi;
using Pv.Hypervisor.Asynchronous;
using Pv.Hypervisor.Memory;

namespace Pv.Tests.Fuzzing;

// Queues of asynchronous calls: the hypercall, and what a guest writes into its rings.
internal sealed partial class CallGrammar
{
    private const int QueueArguments = 0x1400, MostSubmissions = 4, QueueList = 0x40;

    private static readonly Rule[] QueueRules =
    [
        new(2, grammar => grammar.SetUpQueue()), new(12, grammar => grammar.Submit()), new(1, grammar => grammar.Queue(AsyncOperation.Kick)),
        new(1, grammar => grammar.Queue(AsyncOperation.TearDown, Lesson.QueueGone, 0, grammar._vcpu)), new(1, grammar => grammar.QueueOdds()),
    ];

    private readonly List<(ulong Address, ulong Value)> _stores = [];
    private readonly List<(int Label, long Result)> _completions = [];
    private int _vcpu;
    private bool _isPart;

    /// <summary>What the guest writes before its call, eight bytes each.</summary>
    public IReadOnlyList<(ulong Address, ulong Value)> Stores => _stores;

    /// <summary>What it read of the results of calls that it had submitted.</summary>
    public IReadOnlyList<(int Label, long Result)> Completions => _completions;

    private void Queue(AsyncOperation operation, Lesson learn = Lesson.Nothing, ulong address = 0, int which = 0)
        => Call(FuzzLabels.Async[Math.Min((int)operation, 3)], learn, 0, which, AsyncHypercalls.Number, (ulong)operation, address, simple: false);

    private void QueueOdds() => Call(FuzzLabels.Async[(int)AsyncOperation.Query], AsyncHypercalls.Number, _dice.OneIn(2) ? 0 : Odd(), Where(0));

    private void SetUpQueue()
    {
        var entries = _dice.OneIn(8) ? _dice.Of(0u, 3u, 1024u, 2048u, (uint)Odd()) : _dice.Of(1u, 2u, 4u, 16u, 64u, 64u, 128u);
        var frames = entries <= AsyncHypercalls.MostEntries ? AsyncHypercalls.FrameCount(entries) : 3;
        for (var i = 0; i < Math.Min(frames, 8); i++)
            Image(QueueList + i * sizeof(ulong), QueueFrame().Value);
        var address = Put(0, new AsyncQueueSetup
        {
            Entries = entries, Port = _dice.OneIn(2) ? default : new EventPort(Port()), Flags = _dice.OneIn(20) ? Odd() : 0, FrameList = Where(QueueList),
            FrameCount = _dice.OneIn(20) ? (uint)Odd() : (uint)frames, Reserved = _dice.OneIn(30) ? 1u : 0,
        });
        Queue(AsyncOperation.SetUp, Lesson.Queue, address, _vcpu);
    }

    /// <summary>Mostly a frame that the guest uses as memory.</summary>
    private Mfn QueueFrame()
    {
        for (var tries = 0; tries < 12; tries++)
        {
            var frame = Frame(FrameUse.Data);
            if (IsManaged || _dice.OneIn(30) || (frame.Value < _core.Memory.FrameCount && _core.PageTypes.TypeOf(frame) is FrameType.None or FrameType.Writable
                && _core.Frames.TryGetOwner(frame, out var owner) && owner == _selfId))
                return frame;
        }
        return Frame(FrameUse.Data);
    }

    /// <summary>Reads completions, writes submissions of anything and the indices, and kicks; now and then the indices are any.</summary>
    private void Submit()
    {
        if (_isPart || _self is not { } self || self.Queues[_vcpu] is not { } queue)
        {
            SetUpQueue();
            return;
        }
        if (queue.IsStopped && !_dice.OneIn(10))
        {
            Queue(AsyncOperation.TearDown, Lesson.QueueGone, 0, _vcpu);
            return;
        }
        if (_dice.OneIn(100))
        {
            // Over whatever stands in the rings.
            _stores.Add((self.AddressOf(queue.Frames[_dice.Below(queue.Frames.Length)]) + (ulong)_dice.Below(16) * 8, Odd()));
            Queue(AsyncOperation.Kick, Lesson.QueueKick, 0, _vcpu);
            return;
        }
        Take(self, queue);
        var count = 1 + _dice.Below(MostSubmissions);
        _isPart = true;
        for (var i = 0; i < count; i++)
        {
            _offset = QueueArguments + i * EntryArguments;
            do
                Pick(IsManaged ? Rules.Managed : Rules.Guest);
            while (!AsyncCalls.IsAllowed(_registers.Number) && !_dice.OneIn(20));
            var slot = queue.Produced++ % Math.Max(queue.Entries, 1);
            var at = AsyncHypercalls.CompletionFrames(queue.Entries) + 1 + (int)(slot / AsyncRing.SubmissionsPerFrame);
            if (at >= queue.Frames.Length)
                break;
            var address = self.AddressOf(queue.Frames[at]) + slot % AsyncRing.SubmissionsPerFrame * MulticallEntry.WireSize;
            ReadOnlySpan<ulong> words = [_registers.Number, (ulong)_made.Label, _registers.First, _registers.Second, _registers.Third, _registers.Fourth, _registers.Fifth, _registers.Sixth];
            for (var word = 0; word < words.Length; word++)
                _stores.Add((address + (ulong)word * 8, words[word]));
        }
        (_isPart, _offset) = (false, 0);
        var header = self.AddressOf(queue.Frames[0]);
        var producer = _dice.OneIn(150) ? (uint)Odd() : queue.Produced;
        var consumer = _dice.OneIn(150) ? (uint)Odd() : queue.Consumed;
        if (_dice.OneIn(3))
            _stores.Add((header + AsyncRing.CompletionEvent, queue.Consumed + (uint)_dice.Below(4)));
        _stores.Add((header, producer | (ulong)consumer << 32));
        Queue(AsyncOperation.Kick, Lesson.QueueKick, 0, _vcpu);
    }

    /// <summary>The completions that are there, as the guest would read them. It may not have the frames any more: then it reads what stands there.</summary>
    private void Take(FuzzDomain self, FuzzQueue queue)
    {
        if (!TryMachineFrame(self, queue.Frames[0], out var header))
            return;
        var produced = (uint)(_core.Memory.Words(header)[AsyncRing.SubmissionConsumer / sizeof(ulong)] >> 32);
        for (; queue.Consumed != produced && produced - queue.Consumed <= queue.Entries; queue.Consumed++)
        {
            var slot = queue.Consumed % queue.Entries;
            var at = 1 + (int)(slot / AsyncRing.CompletionsPerFrame);
            if (at >= queue.Frames.Length || !TryMachineFrame(self, queue.Frames[at], out var frame))
                return;
            var completion = _core.Memory.At<AsyncCompletion>(frame.Address + slot % AsyncRing.CompletionsPerFrame * AsyncCompletion.WireSize);
            if (completion.Cookie >= 0 && completion.Cookie < FuzzLabels.Count)
                _completions.Add((FuzzLabels.QueuedOf((int)completion.Cookie), completion.Result));
        }
    }

    private bool TryMachineFrame(FuzzDomain self, int index, out Mfn frame)
    {
        frame = self.Frames[index];
        if (self.IsManaged && self.Domain.PhysicalMap!.Get(new Pfn(frame.Value), out frame) == PhysicalMapKind.Empty)
            return false;
        return frame.Value < _core.Memory.FrameCount;
    }
}
