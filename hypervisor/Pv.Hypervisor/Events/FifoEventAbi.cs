using System.Numerics;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Events;

/// <summary>
/// The FIFO ABI: a word a port in pages that the guest gives, and for each vCPU sixteen queues of ports, by priority, whose heads stand in
/// a control block of the guest's.
/// </summary>
/// <remarks>
/// <para>
/// A queue is a list through the words' link fields. The hypervisor alone adds: it links the queue's last port to the new one, or, when that
/// port is not linked any more, makes the new one the head. The guest alone removes, from the head on, by clearing <c>LINKED</c>. So a
/// word's <c>LINKED</c> bit says who owns its link.
/// </para>
/// <para>
/// Nothing here follows a link: the last port of each queue is remembered on this side, as a port number that was checked when it was
/// linked. Words in disorder lose their guest's events and harm nobody else.
/// </para>
/// <code>
/// 31       30      29      28    27..17  16..0
/// pending  masked  linked  busy  0       link
/// </code>
/// </remarks>
internal sealed class FifoEventAbi : IEventAbi
{
    private const uint Pending = 1u << FifoEvents.PendingBit, Masked = 1u << FifoEvents.MaskedBit, Linked = 1u << FifoEvents.LinkedBit;
    private const uint Busy = 1u << FifoEvents.BusyBit;

    // The guest may change a linked word by three bits at most before it has to wait for the busy bit: more tries do not help.
    private const int MostTries = 4;

    private readonly Domain _domain;
    private readonly FifoControl[] _controls;
    private readonly Mfn[] _pages = new Mfn[FifoEvents.ChannelCount / WordsPerPage];
    private int _pageCount;

    // Of each page's ports, the queue that each was linked into last. Closing a port does not take it out of there.
    private readonly (VcpuId Vcpu, byte Priority)[]?[] _lastQueues = new (VcpuId, byte)[]?[FifoEvents.ChannelCount / WordsPerPage];

    // A bit for each port of which an event came before the guest gave the page that the port's word is in.
    private readonly ulong[] _early;

    public FifoEventAbi(Domain domain)
    {
        _domain = domain;
        _controls = new FifoControl[domain.Vcpus.Length];
        for (var i = 0; i < _controls.Length; i++)
            _controls[i] = new FifoControl();
        _early = new ulong[Math.Max(TwoLevelEventAbi.Words, domain.Limits.MaxEventPort / 64 + 1)];
    }

    /// <summary>Event words in a page of the array.</summary>
    public const int WordsPerPage = PageSize.Bytes / sizeof(uint);

    public uint PortLimit => FifoEvents.ChannelCount;

    /// <summary>The ports that have a word: from 0 to before this one.</summary>
    public uint WordCount => (uint)(_pageCount * WordsPerPage);

    public bool HasControl(VcpuId vcpu) => _controls[vcpu.Value].IsMapped;

    /// <summary>Whether the array may grow: it has no more pages than ports need.</summary>
    public bool HasRoom => _pageCount < _pages.Length;

    /// <summary>Takes a vCPU's control block; the frame's reference and use become this object's.</summary>
    public void SetControl(VcpuId vcpu, Mfn frame, uint offset) => _controls[vcpu.Value].Map(frame, offset);

    /// <summary>Takes the next page of the array; the frame's reference and use become this object's.</summary>
    public void AddPage(Mfn frame)
    {
        _lastQueues[_pageCount] = new (VcpuId, byte)[WordsPerPage];
        _pages[_pageCount++] = frame;
    }

    /// <summary>Ports of a word of bitmaps (64 each) were pending when the queues came.</summary>
    public void NoteEarly(int word, ulong ports) => _early[word] = ports;

    /// <summary>Takes the next port from <paramref name="from"/> on for which an event came before there was a word, and there is one now.</summary>
    public bool TryTakeEarly(ref uint from, out EventPort port)
    {
        port = default;
        for (; from < WordCount && from / 64 < _early.Length; from = (from / 64 + 1) * 64)
        {
            _domain.Core.Meter?.Count(1);
            ref var word = ref _early[from / 64];
            if (word == 0)
                continue;
            port = new EventPort(from / 64 * 64 + (uint)BitOperations.TrailingZeroCount(word));
            word &= word - 1;
            return true;
        }
        return false;
    }

    /// <summary>The frames that were taken, to be given back; nothing may be called afterwards.</summary>
    public IEnumerable<Mfn> TakeFrames()
    {
        for (var i = 0; i < _pageCount; i++)
            yield return _pages[i];
        _pageCount = 0;
        foreach (var control in _controls)
        {
            if (control.Unmap() is { } frame)
                yield return frame;
        }
    }

    /// <summary>The frames that it holds, for an audit.</summary>
    public IEnumerable<Mfn> QueueFrames()
    {
        for (var i = 0; i < _pageCount; i++)
            yield return _pages[i];
        foreach (var control in _controls)
        {
            if (control.IsMapped)
                yield return Mfn.OfAddress(control.Address);
        }
    }

    /// <summary>Whether the ports that were linked last into the queues are ports that have a word.</summary>
    public bool TailsAreSound() => Array.TrueForAll(_controls, control => Array.TrueForAll(control.Tails, tail => tail == 0 || tail < WordCount));

    public bool SetPending(Vcpu vcpu, EventChannel channel)
    {
        var port = channel.Port.Value;
        if (port >= WordCount)
        {
            _early[port / 64] |= 1ul << (int)(port % 64);
            return false;
        }
        // A guest must not unmask before the vCPU has a control block; if it does, the event is lost to it.
        var control = _controls[vcpu.Id.Value];
        if (!control.IsMapped)
            return false;
        ref var word = ref Word(port);
        Interlocked.Or(ref word, Pending);
        NoteWrite(port);
        if ((Volatile.Read(ref word) & Masked) != 0 || (Interlocked.Or(ref word, Linked) & Linked) != 0)
            return false;
        // When it was the last of its queue, that queue is empty now: nothing may be linked to it there.
        ref var lastQueue = ref _lastQueues[port / WordsPerPage]![port % WordsPerPage];
        var (lastVcpu, lastPriority) = lastQueue;
        ref var lastTail = ref _controls[lastVcpu.Value].Tails[lastPriority];
        if (lastTail == port)
            lastTail = 0;
        var priority = channel.Priority;
        lastQueue = (vcpu.Id, priority);
        ref var tail = ref control.Tails[priority];
        var isLinked = tail != 0 && TryLink(tail, port);
        tail = port;
        return !isLinked && SetHead(control, priority, port);
    }

    public void ClearPending(EventChannel channel)
    {
        // The guest takes the port out of its queue, and ignores it there.
        if (channel.Port.Value >= WordCount)
        {
            _early[channel.Port.Value / 64] &= ~(1ul << (int)(channel.Port.Value % 64));
            return;
        }
        Interlocked.And(ref Word(channel.Port.Value), ~Pending);
        NoteWrite(channel.Port.Value);
    }

    public bool IsPending(EventChannel channel) => Has(channel, Pending);

    public bool IsMasked(EventChannel channel) => channel.Port.Value >= WordCount || Has(channel, Masked);

    public bool IsBusy(EventChannel channel) => Has(channel, Linked);

    public bool Unmask(Vcpu vcpu, EventChannel channel)
    {
        if (channel.Port.Value >= WordCount)
            return false;
        Interlocked.And(ref Word(channel.Port.Value), ~Masked);
        NoteWrite(channel.Port.Value);
        return IsPending(channel) && SetPending(vcpu, channel);
    }

    /// <summary>Says which queue the port's next events go to.</summary>
    public static Errno SetPriority(EventChannel channel, uint priority)
    {
        if (priority > FifoEvents.LowestPriority)
            return Errno.EINVAL;
        channel.Priority = (byte)priority;
        return Errno.None;
    }

    private bool Has(EventChannel channel, uint bit)
        => channel.Port.Value < WordCount && (Volatile.Read(ref Word(channel.Port.Value)) & bit) != 0;

    /// <summary>Makes a port the first of an empty queue. True when the guest must be told of the queue.</summary>
    private bool SetHead(FifoControl control, byte priority, uint port)
    {
        ref var block = ref _domain.Core.Memory.At<FifoControlBlock>(control.Address);
        Volatile.Write(ref block.Heads[priority], port);
        var ready = 1u << priority;
        var tell = (Interlocked.Or(ref block.Ready, ready) & ready) == 0;
        _domain.Core.Memory.Marks.NoteWrite(Mfn.OfAddress(control.Address));
        return tell;
    }

    /// <summary>
    /// Links a port to the last one of its queue, as long as that one is linked itself. The guest clears <c>LINKED</c> when it takes a port
    /// out; it may also change the word's other bits meanwhile, so the last resort is to mark it busy, which the guest must wait for.
    /// </summary>
    private bool TryLink(uint tail, uint port)
    {
        ref var word = ref Word(tail);
        var seen = Volatile.Read(ref word);
        if (TryLinkOnce(ref word, ref seen, port) is { } first)
            return first;
        seen = Interlocked.Or(ref word, Busy) | Busy;
        for (var tries = 0; tries < MostTries; tries++)
        {
            if (TryLinkOnce(ref word, ref seen, port) is not { } linked)
                continue;
            if (!linked)
                Interlocked.And(ref word, ~Busy);
            return linked;
        }
        // A guest that goes on writing all the same loses the event, as it loses those whose words it destroys.
        Interlocked.And(ref word, ~Busy);
        return true;
    }

    /// <summary>True when it was linked, false when the word is not linked any more, null when the guest wrote meanwhile.</summary>
    private static bool? TryLinkOnce(ref uint word, ref uint seen, uint port)
    {
        if ((seen & Linked) == 0)
            return false;
        var expected = seen;
        seen = Interlocked.CompareExchange(ref word, expected & ~(Busy | FifoEvents.LinkMask) | port, expected);
        return seen == expected ? true : null;
    }

    private void NoteWrite(uint port) => _domain.Core.Memory.Marks.NoteWrite(_pages[port / WordsPerPage]);

    private ref uint Word(uint port)
        => ref _domain.Core.Memory.At<uint>(_pages[port / WordsPerPage].Address + port % WordsPerPage * sizeof(uint));
}
