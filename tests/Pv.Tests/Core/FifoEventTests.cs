using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Core;

/// <summary>The FIFO event ABI against a guest that follows it, and one that does not.</summary>
[TestFixture]
internal sealed class FifoEventTests
{
    private const int Block = 0, Array = 1;
    private const uint Pending = 1u << FifoEvents.PendingBit, Masked = 1u << FifoEvents.MaskedBit, Linked = 1u << FifoEvents.LinkedBit;

    private TestMachine _machine = null!;
    private TestGuest _guest = null!, _peer = null!;

    [SetUp]
    public void MakeTwo()
    {
        _machine = new TestMachine();
        _guest = new TestGuest(_machine, 4);
        _peer = new TestGuest(_machine, 4);
    }

    [TearDown]
    public void LeaveNothing()
    {
        foreach (var domain in _machine.Core.Domains.Snapshot().Where(domain => domain.Id != DomId.Dom0))
            _machine.Destroy(domain);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(_machine.FreeAtStart), "the frames of control blocks and words are free again");
        _machine.Dispose();
    }

    [Test]
    public void A_notification_allocates_nothing()
    {
        UseFifo();
        var (mine, theirs) = Connect();
        Send();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Take(mine);
            Send();
        }
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(Word(mine) & (Pending | Linked), Is.EqualTo(Pending | Linked));

        void Send() => _peer.Domain.Events.Send(theirs);
    }

    [Test]
    public void Every_event_reaches_a_guest_that_takes_them_while_they_come()
    {
        const int rounds = 20_000, ports = 6;
        UseFifo();
        var pairs = Enumerable.Range(0, ports).Select(_ => Connect()).ToArray();
        var taken = new bool[ports];
        using var sent = new ManualResetEventSlim();
        var sender = Task.Run(() =>
        {
            for (var i = 0; i < rounds; i++)
                _peer.Domain.Events.Send(pairs[i * 7 % ports].Theirs);
            // A last one for each: whatever was taken before, it is to be found again.
            sent.Set();
            foreach (var pair in pairs)
                _peer.Domain.Events.Send(pair.Theirs);
        });
        while (!sender.IsCompleted)
            Consume(null);
        sent.Wait();
        sender.Wait();
        foreach (var pair in pairs)
            _peer.Domain.Events.Send(pair.Theirs);
        Consume(port => taken[System.Array.FindIndex(pairs, pair => pair.Mine.Value == port)] = true);
        Assert.That(taken, Is.All.True, "each port is in a queue, from whose head it is reached");
    }

    [Test]
    public void Words_that_change_at_will_harm_nobody([Values(1, 2, 3)] int seed)
    {
        UseFifo();
        var pairs = Enumerable.Range(0, 8).Select(_ => Connect()).ToArray();
        var dice = new Random(seed);
        using var scribbler = new Alongside(() =>
        {
            Volatile.Write(ref _machine.Core.Memory.At<uint>(_guest.Frames[Array].Address + (ulong)dice.Next(1024) * 4), (uint)dice.NextInt64());
            Volatile.Write(ref _machine.Core.Memory.At<uint>(_guest.Frames[Block].Address + (ulong)dice.Next(18) * 4), (uint)dice.NextInt64());
        });
        var chance = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var (mine, theirs) = pairs[chance.Next(pairs.Length)];
            switch (chance.Next(4))
            {
                case 0:
                    _guest.Domain.Events.Unmask(mine);
                    break;
                case 1:
                    _guest.Domain.Events.SetPriority(mine, (uint)chance.Next(17));
                    break;
                case 2:
                    _guest.Domain.Events.BindVcpu(mine, new VcpuId((uint)chance.Next(2)));
                    break;
                default:
                    Assert.That(_peer.Domain.Events.Send(theirs), Is.EqualTo(Errno.None));
                    break;
            }
        }
    }

    [Test]
    public void A_reset_stops_where_others_should_go_first_and_goes_on_there()
    {
        UseFifo();
        var (mine, theirs) = Connect();
        for (var i = 0; i < 100; i++)
            Operation(EventChannelOperation.BindIpi, default(EventChannelBindIpi));
        _machine.Core.PreemptionChooser = _ => true;
        var registers = new HypercallRegisters(
            (ulong)HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Reset, _guest.Put(0, new EventChannelReset { Domain = DomId.Self }));
        var stops = 0;
        HypercallResult result;
        while ((result = _guest.Enter(_guest.Caller, ref registers)).Outcome == HypercallOutcome.Continue)
            stops++;
        _machine.Core.PreemptionChooser = _ => false;
        Assert.That((result.Value, stops), Is.EqualTo((0L, 1)));
        Assert.That(_guest.Domain.Events.IsOpen(mine), Is.False);
        Assert.That(_peer.Domain.Events.Send(theirs), Is.EqualTo(Errno.None), "the other end is unbound");
        Assert.That(Operation(EventChannelOperation.ExpandArray, default(EventChannelExpandArray)), Is.EqualTo(-(long)Errno.EOPNOTSUPP));
    }

    private void UseFifo()
    {
        var control = new EventChannelInitControl { ControlGfn = _guest.Frames[Block].Value };
        Assert.That(Operation(EventChannelOperation.InitControl, control), Is.Zero);
        Assert.That(Operation(EventChannelOperation.ExpandArray, new EventChannelExpandArray { ArrayGfn = _guest.Frames[Array].Value }), Is.Zero);
        // The second vCPU's block stands in the same frame.
        control.Vcpu = new VcpuId(1);
        control.Offset = 256;
        Assert.That(Operation(EventChannelOperation.InitControl, control), Is.Zero);
    }

    private (EventPort Mine, EventPort Theirs) Connect()
    {
        Assert.That(_guest.Domain.Events.AllocateUnbound(_peer.Domain.Id, out var mine), Is.EqualTo(Errno.None));
        Assert.That(_peer.Domain.Events.BindInterdomain(_guest.Domain, mine, out var theirs), Is.EqualTo(Errno.None));
        return (mine, theirs);
    }

    private long Operation<T>(EventChannelOperation operation, T argument) where T : unmanaged
        => _guest.Call(HypercallNumber.EventChannelOp, (ulong)operation, _guest.Put(0, argument));

    /// <summary>Takes everything from the queues, as a guest's upcall handler does.</summary>
    private void Consume(Action<uint>? seen)
    {
        ref var block = ref _machine.Core.Memory.At<FifoControlBlock>(_guest.Frames[Block].Address);
        var ready = Interlocked.Exchange(ref block.Ready, 0);
        for (var priority = 0; priority < FifoEvents.QueueCount; priority++)
        {
            if ((ready >> priority & 1) == 0)
                continue;
            for (var port = Volatile.Read(ref block.Heads[priority]); port != 0;)
            {
                Assert.That(Word(new EventPort(port)) & Masked, Is.Zero);
                var next = Unlink(port);
                if ((Interlocked.And(ref WordOf(port), ~Pending) & Pending) != 0)
                    seen?.Invoke(port);
                port = next;
            }
        }
    }

    private uint Unlink(uint port)
    {
        ref var word = ref WordOf(port);
        while (true)
        {
            var old = Volatile.Read(ref word);
            if (Interlocked.CompareExchange(ref word, old & ~(Linked | FifoEvents.LinkMask), old) == old)
                return old & FifoEvents.LinkMask;
        }
    }

    private void Take(EventPort port)
    {
        Unlink(port.Value);
        Interlocked.And(ref WordOf(port.Value), ~Pending);
        _machine.Core.Memory.At<FifoControlBlock>(_guest.Frames[Block].Address).Ready = 0;
    }

    private uint Word(EventPort port) => Volatile.Read(ref WordOf(port.Value));

    private ref uint WordOf(uint port) => ref _machine.Core.Memory.At<uint>(_guest.Frames[Array].Address + port * sizeof(uint));
}
