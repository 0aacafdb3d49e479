using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Machine;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>A store with its loop taken away: work is done when a test says so. Domains exist as the test says, each with a ring in a frame of its own.</summary>
internal sealed class StoreMachine : IStoreHost, IDisposable
{
    private const int MostLooks = 8;

    private readonly MachineMemory _memory = new(64);
    private readonly Queue<IStoreWork> _work = new();
    private readonly Dictionary<DomId, StoreDomainState> _domains = [];
    private readonly Dictionary<DomId, GuestEnd> _guests = [];

    public StoreMachine() => Store = new Store(this, Schedule);

    public Store Store { get; }

    public List<string> LogLines { get; } = [];

    public void Exist(DomId domain) => _domains[domain] = StoreDomainState.Alive;

    /// <summary>Something happens to a domain, and the store is told to look.</summary>
    public void Become(DomId domain, StoreDomainState state)
    {
        _domains[domain] = state;
        Store.CheckDomains();
    }

    /// <summary>The domain's own end of the ring that was last made for it.</summary>
    public GuestEnd Guest(DomId domain) => _guests[domain];

    /// <summary>A fresh page for a domain, as its builder makes one.</summary>
    public GuestEnd NewGuest(DomId domain)
    {
        Exist(domain);
        var page = new SharedPage(_memory, new Mfn(domain.Value));
        page.Clear(0, PageSize.Bytes);
        return _guests[domain] = new GuestEnd(page, domain);
    }

    /// <summary>A tool behind a stream.</summary>
    public ToolEnd NewTool()
    {
        var tool = new ToolEnd();
        var connection = new XenStoreConnection(Store, Store.Domains.Dom0);
        connection.Attach(tool);
        tool.Connection = connection;
        return tool;
    }

    /// <summary>A domain is made as the toolstack makes one: a ring that the store serves, and a home of its own.</summary>
    public GuestEnd Begin(DomId domain, ToolEnd tool)
    {
        var guest = NewGuest(domain);
        Assert.That(Store.Introduce(domain, new Pfn(0), new EventPort(5)), Is.EqualTo(Errno.None));
        Run();
        Ask(tool, XenStoreMessageType.Write, $"/local/domain/{domain.Value}\0");
        Ask(tool, XenStoreMessageType.SetPerms, $"/local/domain/{domain.Value}\0n{domain.Value}\0");
        return guest;
    }

    /// <summary>One request; the answer's text, or the error's name; null when none comes. Events are passed over, those that waited, too.</summary>
    public string? Ask(PeerEnd peer, XenStoreMessageType type, string payload, uint transaction = 0)
    {
        peer.Receive();
        peer.Send((uint)type, 1, transaction, Encoding.Latin1.GetBytes(payload));
        // A ring is small, so that a long request or answer takes several looks.
        for (var looks = 0; looks < MostLooks; looks++)
        {
            (peer as GuestEnd)?.Push();
            Run();
            var answers = peer.Receive().FindAll(message => message.Type != XenStoreMessageType.WatchEvent);
            if (answers.Count > 0)
                return Encoding.Latin1.GetString(answers.Single().Payload.Span);
        }
        return null;
    }

    public bool Schedule(IStoreWork work)
    {
        _work.Enqueue(work);
        return true;
    }

    /// <summary>Gives everybody turns until nobody wants one.</summary>
    public void Run()
    {
        while (_work.TryDequeue(out var work))
            work.Run();
    }

    public StoreDomainState StateOf(DomId domain) => _domains.GetValueOrDefault(domain);

    public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
    {
        channel = null;
        if (!_guests.TryGetValue(domain, out var guest))
            return Errno.ENOENT;
        guest.Wake = wake;
        guest.IsClosed = false;
        channel = new GuestChannel(guest);
        return Errno.None;
    }

    public void Log(string line) => LogLines.Add(line);

    public void Dispose() => _memory.Dispose();
}

/// <summary>Somebody who speaks the protocol with the store.</summary>
internal abstract class PeerEnd
{
    private readonly List<byte> _received = [];

    public abstract bool IsDead { get; }

    /// <summary>Why the page says the ring is dead.</summary>
    public virtual uint Error => 0;

    public void Send(uint type, uint requestId, uint transactionId, byte[] payload)
        => SendBytes(MessageEncoder.Encode((XenStoreMessageType)type, requestId, transactionId, payload));

    public abstract void SendBytes(ReadOnlySpan<byte> bytes);

    /// <summary>There were new bytes when it was last looked, a whole message or not.</summary>
    public bool HasCollected { get; private set; }

    /// <summary>Messages that have come, whole ones.</summary>
    public List<StoreMessage> Receive()
    {
        var before = _received.Count;
        Collect(_received);
        HasCollected = _received.Count > before;
        var messages = new List<StoreMessage>();
        while (_received.Count >= XenStoreHeader.WireSize)
        {
            var bytes = _received.ToArray();
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
            if (bytes.Length < XenStoreHeader.WireSize + length)
                break;
            messages.Add(new(
                (XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(bytes),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)),
                bytes.AsMemory(XenStoreHeader.WireSize, length)));
            _received.RemoveRange(0, XenStoreHeader.WireSize + length);
        }
        return messages;
    }

    protected abstract void Collect(List<byte> into);
}

/// <summary>A tool's end of a stream that holds any number of bytes.</summary>
internal sealed class ToolEnd : PeerEnd, IStoreStream
{
    private readonly Queue<byte> _toStore = new();
    private readonly List<byte> _fromStore = [];

    public XenStoreConnection? Connection { get; set; }

    public bool IsClosed { get; private set; }

    public override bool IsDead => IsClosed;

    public string? Fault => null;

    /// <summary>How many bytes the tool takes; null: any number.</summary>
    public int? Room { get; set; }

    public override void SendBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            _toStore.Enqueue(value);
        Connection!.Wake();
    }

    protected override void Collect(List<byte> into)
    {
        into.AddRange(_fromStore);
        _fromStore.Clear();
    }

    public int Read(Span<byte> into)
    {
        var count = 0;
        while (count < into.Length && _toStore.TryDequeue(out var value))
            into[count++] = value;
        return count;
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, Room ?? int.MaxValue);
        if (Room is not null)
            Room -= count;
        _fromStore.AddRange(bytes[..count]);
        return count;
    }

    public bool IsEnded => false;

    public void Flush(bool takesMore)
    {
    }

    public void Close() => IsClosed = true;
}

/// <summary>A domain's end of its ring, written by the ABI's offsets and nothing else.</summary>
internal sealed class GuestEnd(SharedPage page, DomId domain) : PeerEnd
{
    private const int RequestConsumer = 2048, RequestProducer = 2052, ResponseConsumer = 2056, ResponseProducer = 2060, ErrorField = 2072;
    private readonly Queue<byte> _waiting = new();

    public DomId Domain { get; } = domain;

    public SharedPage Page { get; } = page;

    public Action? Wake { get; set; }

    public bool IsClosed { get; set; }

    public int Notified { get; set; }

    /// <summary>Which of the channels that were opened to it counts.</summary>
    public IStoreChannel? Channel { get; set; }

    public override bool IsDead => IsClosed || Error != 0;

    public override uint Error => Page.ReadUInt32Acquire(ErrorField);

    /// <summary>A domain that does not take its replies.</summary>
    public bool IsDeaf { get; set; }

    public override void SendBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            _waiting.Enqueue(value);
        Push();
    }

    /// <summary>Puts what fits into the ring and sends the event.</summary>
    public void Push()
    {
        var producer = Page.ReadUInt32Acquire(RequestProducer);
        while (producer - Page.ReadUInt32Acquire(RequestConsumer) < 1024 && _waiting.TryDequeue(out var value))
            Page.CopyFrom((int)(producer++ % 1024), [value]);
        Page.WriteUInt32Release(RequestProducer, producer);
        if (!IsClosed)
            Wake?.Invoke();
    }

    public bool HasMoreToSend => _waiting.Count > 0;

    public void SetIndex(int offset, uint value) => Page.WriteUInt32Release(offset, value);

    protected override void Collect(List<byte> into)
    {
        if (IsDeaf)
            return;
        var consumer = Page.ReadUInt32Acquire(ResponseConsumer);
        var producer = Page.ReadUInt32Acquire(ResponseProducer);
        var value = new byte[1];
        for (; consumer != producer; consumer++)
        {
            Page.CopyTo(1024 + (int)(consumer % 1024), value);
            into.Add(value[0]);
        }
        Page.WriteUInt32Release(ResponseConsumer, consumer);
        if (!IsClosed)
            Wake?.Invoke();
    }
}

/// <summary>The store's hold on a domain's ring.</summary>
internal sealed class GuestChannel : IStoreChannel
{
    private readonly GuestEnd _guest;

    public GuestChannel(GuestEnd guest)
    {
        _guest = guest;
        guest.Channel = this;
    }

    public SharedPage Page => _guest.Page;

    public void Notify() => _guest.Notified++;

    public void Dispose()
    {
        if (_guest.Channel == this)
            _guest.IsClosed = true;
    }
}
