using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine.Gate;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Guest;

/// <summary>Hypercalls that are gathered in lazy mode, by Linux's rules.</summary>
[TestFixture]
internal sealed class LazyCallsTests
{
    private static readonly ListCall OwnTables = ListCall.MmuUpdate(DomId.Self.Value);
    private static readonly ListCall OwnPages = ListCall.MmuExt(DomId.Self);

    private RecordingDoor _door = null!;
    private LazyCalls _lazy = null!;
    private readonly List<(HypercallNumber Number, List<ulong> Values)> _made = [];

    [SetUp]
    public void Open()
    {
        _made.Clear();
        _door = new RecordingDoor { Answer = Note };
        _lazy = Hypercalls.ForDom0(_door).Lazy();
    }

    [TearDown]
    public void Close() => _lazy.Dispose();

    [Test]
    public void Outside_of_lazy_mode_each_call_is_made_at_once()
    {
        for (var i = 0ul; i < 5; i++)
            Update(i);
        Assert.That((_door.Entered, _door.Multicalls, _lazy.Asked, _lazy.Entered), Is.EqualTo((5, 0, 5ul, 5ul)));
    }

    [Test]
    public void Neighbours_with_lists_become_one_call_and_a_batch_of_one_is_no_multicall()
    {
        using (_lazy.Enter())
        {
            for (var i = 0ul; i < 40; i++)
                Update(i);
            Assert.That(_door.Entered, Is.Zero);
        }
        Assert.That((_door.Entered, _door.Multicalls), Is.EqualTo((1, 0)));
        Assert.That(_made.Select(call => call.Number), Is.EqualTo(new[] { HypercallNumber.MmuUpdate }));
        Assert.That(_made[0].Values, Is.EqualTo(Enumerable.Range(0, 40).Select(i => (ulong)i)));
        Assert.That(_door.Calls[0].Fourth, Is.EqualTo(DomId.Self.Value));
    }

    [Test]
    public void What_stands_between_keeps_them_apart_and_the_order_is_kept()
    {
        using (_lazy.Enter())
        {
            Update(1);
            Update(2);
            _lazy.Call(HypercallNumber.UpdateVaMapping, 0x1000, 7);
            Update(3);
            _lazy.Element(OwnPages, new MmuExt { Operation = MmuExtOperation.PinL1Table, Argument1 = 4 });
            _lazy.Element(OwnPages, new MmuExt { Operation = MmuExtOperation.UnpinTable, Argument1 = 5 });
            // Another domain's tables are another call.
            _lazy.Element(ListCall.MmuExt(new DomId(9)), new MmuExt { Argument1 = 6 });
            Update(7);
        }
        Assert.That((_door.Entered, _door.Multicalls), Is.EqualTo((1, 1)));
        Assert.That(_made.Select(call => (call.Number, string.Join(' ', call.Values))), Is.EqualTo(new[]
        {
            (HypercallNumber.MmuUpdate, "1 2"), (HypercallNumber.UpdateVaMapping, ""), (HypercallNumber.MmuUpdate, "3"), (HypercallNumber.MmuExtOp, "4 5"),
            (HypercallNumber.MmuExtOp, "6"), (HypercallNumber.MmuUpdate, "7"),
        }));
    }

    [Test]
    public void Operations_of_the_grant_table_are_lists_too()
    {
        using (_lazy.Enter())
        {
            for (var i = 0; i < 10; i++)
                _lazy.Element(ListCall.Grants(GrantTableOperation.UnmapGrantRef), new GrantTableUnmapGrantRef { Handle = (uint)i });
            for (var i = 0; i < 10; i++)
                _lazy.Element(ListCall.Grants(GrantTableOperation.Copy), new GrantTableCopy { Length = (ushort)i });
        }
        Assert.That(_door.Calls.Select(call => (call.Number, call.First, call.Third)), Is.EqualTo(new[]
        {
            ((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef, 10ul),
            ((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Copy, 10ul),
        }));
        Assert.That((_lazy.Asked, _lazy.Entered), Is.EqualTo((20ul, 1ul)));
    }

    [Test]
    public void A_full_batch_is_made_and_the_next_one_begins()
    {
        const int fit = 2048 / MmuUpdate.WireSize;
        using (_lazy.Enter())
        {
            for (var i = 0ul; i < fit * 2 + 1; i++)
                Update(i);
            Assert.That(_door.Entered, Is.EqualTo(2));
        }
        Assert.That(_made.Select(call => call.Values.Count), Is.EqualTo(new[] { fit, fit, 1 }));
        Assert.That(_made.SelectMany(call => call.Values), Is.EqualTo(Enumerable.Range(0, fit * 2 + 1).Select(i => (ulong)i)));
        using (_lazy.Enter())
        {
            for (var i = 0; i < MulticallBatch.Capacity + 1; i++)
                _lazy.Call(HypercallNumber.XenVersion);
            Assert.That(_door.Multicalls, Is.EqualTo(1));
        }
        Assert.That((_door.Entered, _door.Multicalls), Is.EqualTo((5, 1)), "32 in a multicall, one by itself");
    }

    [Test]
    public void To_read_what_came_of_a_call_makes_what_was_gathered()
    {
        _door.Answer = call => call.Number == (ulong)HypercallNumber.XenVersion ? 42 : Note(call);
        using (_lazy.Enter())
        {
            Update(1);
            var version = _lazy.Call(HypercallNumber.XenVersion);
            var last = Update(2);
            Assert.That(_door.Entered, Is.Zero);
            Assert.That(version.Result, Is.EqualTo(42));
            Assert.That(_door.Entered, Is.EqualTo(1), "all that was gathered, in order");
            Assert.That((last.Value.Pointer, last.Call.Error), Is.EqualTo((2ul, Errno.None)));
            Assert.That(_door.Entered, Is.EqualTo(1));
            var next = Update(3);
            Assert.That(() => version.Result, Throws.InvalidOperationException, "another batch was begun");
            _lazy.Flush();
            Assert.That(_door.Entered, Is.EqualTo(2), "before a look at memory that the call changes");
            Assert.That(next.Value.Pointer, Is.EqualTo(3));
        }
        Assert.That(_door.Entered, Is.EqualTo(2), "nothing was left for the end");
    }

    [Test]
    public void Scopes_nest_and_the_outermost_makes_the_calls()
    {
        using (_lazy.Enter())
        {
            using (_lazy.Enter())
                Update(1);
            Assert.That((_door.Entered, _lazy.IsLazy), Is.EqualTo((0, true)));
            Update(2);
        }
        Assert.That((_door.Entered, _lazy.IsLazy), Is.EqualTo((1, false)));
        Update(3);
        Assert.That(_door.Entered, Is.EqualTo(2));
    }

    [Test]
    public void A_failure_is_told_or_ends_the_scope_with_an_exception()
    {
        _door.Answer = call => call.Number == (ulong)HypercallNumber.UpdateVaMapping ? -(long)Errno.EINVAL : Note(call);
        Assert.That(Batch, Throws.TypeOf<HypercallException>().With.Property("Errno").EqualTo(Errno.EINVAL).And.Message.Contains("UpdateVaMapping"));
        Assert.That((_made.Count, _lazy.IsLazy), Is.EqualTo((2, false)), "the others were made");
        Batch2();
        var told = new List<(HypercallNumber, Errno)>();
        _lazy.Failed = (number, error) => told.Add((number, error));
        Batch();
        Assert.That(told, Is.EqualTo(new[] { (HypercallNumber.UpdateVaMapping, Errno.EINVAL) }));
        _lazy.Failed = null;
        Assert.That(_lazy.Call(HypercallNumber.UpdateVaMapping).Error, Is.EqualTo(Errno.EINVAL), "whoever makes a call at once has its result");
        Batch2();

        void Batch()
        {
            using (_lazy.Enter())
            {
                Update(1);
                _lazy.Call(HypercallNumber.UpdateVaMapping);
                Update(2);
            }
        }

        void Batch2()
        {
            using (_lazy.Enter())
                Update(3);
        }
    }

    [Test]
    public void Nothing_is_allocated()
    {
        _door.Answer = static _ => 0;
        _door.Calls.EnsureCapacity(100);
        Round();
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Round()
        {
            using (_lazy.Enter())
            {
                for (var i = 0ul; i < 30; i++)
                    Update(i);
            }
        }
    }

    [Test]
    public async Task A_guests_copies_are_one_hypercall()
    {
        var statuses = new List<GrantStatus>();
        var (asked, entered) = (0ul, 0ul);
        await using var machine = new LiveMachine(1);
        var guest = await machine.StartAsync(context =>
        {
            using var lazy = context.Hypercalls.Lazy();
            var (from, to) = (context.Memory.Allocate(), context.Memory.Allocate());
            context.Memory.Page(from).CopyFrom(0, "lazy"u8);
            var copies = new List<LazyElement<GrantTableCopy>>();
            using (lazy.Enter())
            {
                for (ushort i = 0; i < 20; i++)
                {
                    var copy = new GrantTableCopy { Length = 4 };
                    (copy.Source.Gmfn, copy.Source.Domain) = (from.Value, DomId.Self);
                    // The last is of a frame that there is not.
                    (copy.Destination.Gmfn, copy.Destination.Domain, copy.Destination.Offset) = (i == 19 ? 1ul << 30 : to.Value, DomId.Self, (ushort)(i * 8));
                    copies.Add(lazy.Element(ListCall.Grants(GrantTableOperation.Copy), copy));
                }
                statuses.AddRange(copies.Select(copy => copy.Value.Status));
            }
            var text = new byte[4];
            context.Memory.Page(to).CopyTo(18 * 8, text);
            Assert.That(text, Is.EqualTo("lazy"u8.ToArray()));
            (asked, entered) = (lazy.Asked, lazy.Entered);
            return Task.CompletedTask;
        });
        Assert.That(await guest.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff), machine.Core.Log.Read(clear: false));
        Assert.That(machine.Core.Measure(guest.Domain)![0].Counts.Hypercalls[HypercallNumber.GrantTableOp], Is.EqualTo(1));
        Assert.That((asked, entered), Is.EqualTo((20ul, 1ul)));
        Assert.That(statuses, Is.EqualTo(Enumerable.Repeat(GrantStatus.Okay, 19).Append(statuses[^1])));
        Assert.That(statuses[^1], Is.Not.EqualTo(GrantStatus.Okay));
        await guest.DestroyAsync();
    }

    private LazyElement<MmuUpdate> Update(ulong number) => _lazy.Element(OwnTables, new MmuUpdate { Pointer = number });

    /// <summary>Notes what a call's list holds, which is gone when the batch is.</summary>
    private long Note(HypercallRegisters call)
    {
        var number = (HypercallNumber)call.Number;
        _made.Add((number, number switch
        {
            HypercallNumber.MmuUpdate => [.. RecordingDoor.Read<MmuUpdate>(call.First, (int)call.Second).Select(update => update.Pointer)],
            HypercallNumber.MmuExtOp => [.. RecordingDoor.Read<MmuExt>(call.First, (int)call.Second).Select(operation => operation.Argument1)],
            _ => [],
        }));
        return 0;
    }
}
