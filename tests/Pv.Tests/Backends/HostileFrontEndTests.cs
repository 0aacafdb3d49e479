using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Backends;

/// <summary>What a front end does against the protocol costs it the request or the device, and nobody else anything.</summary>
[TestFixture]
public sealed class HostileFrontEndTests
{
    private const int RequestProducer = 0;

    private BlockMachine _machine = null!;
    private MemoryStorage _disk = null!;
    private MemoryStorage _others = null!;
    private string? _expected;

    [SetUp]
    public async Task CreateAsync()
    {
        (_disk, _others, _expected) = (new MemoryStorage(2048), new MemoryStorage(2048), null);
        _machine = await BlockMachine.StartAsync(("disk", _disk), ("others", _others));
    }

    [TearDown]
    public async Task TheOtherGuestIsServedAsEverAsync()
    {
        await _machine.RunAsync("others", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage().Fill(1);
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
            Assert.That(_others.Bytes[..4096], Is.EqualTo(page.Bytes));
        });
        await _machine.DisposeAsync();
    }

    [Test]
    public Task Bad_requests_are_answered_with_errors_and_good_ones_go_on() => ConnectedAsync(async front =>
    {
        var page = front.NewPage();
        var readOnly = front.NewPage(readOnly: true);
        (string What, BlockStatus Expected, ulong Id)[] requests =
        [
            ("no segments", BlockStatus.Error, front.Put(BlockOperation.Read, 0)),
            ("an unknown operation", BlockStatus.NotSupported, front.Put((BlockOperation)77, 0, page.Whole)),
            ("a reserved operation", BlockStatus.NotSupported, front.Put(BlockOperation.Reserved1, 0, page.Whole)),
            ("twelve segments", BlockStatus.Error, front.Put(new BlockRequest { Operation = BlockOperation.Read, SegmentCount = 12, Id = 1000 }) is var _ ? 1000ul : 0),
            ("a segment that ends before it begins", BlockStatus.Error, front.Put(BlockOperation.Read, 0, page.Part(3, 2))),
            ("a segment beyond its page", BlockStatus.Error, front.Put(BlockOperation.Read, 0, page.Part(0, 8))),
            ("the last sector's successor", BlockStatus.Error, front.Put(BlockOperation.Read, 2041, page.Whole)),
            ("a sector far away", BlockStatus.Error, front.Put(BlockOperation.Write, ulong.MaxValue, page.Whole)),
            ("a grant of a page that may not be written", BlockStatus.Error, front.Put(BlockOperation.Read, 0, readOnly.Whole)),
            ("a grant that is none", BlockStatus.Error, front.Put(BlockOperation.Read, 0, new BlockSegment { GrantRef = new GrantRef(500), LastSector = 7 })),
            ("a grant beyond the table", BlockStatus.Error, front.Put(BlockOperation.Read, 0, new BlockSegment { GrantRef = new GrantRef(uint.MaxValue), LastSector = 7 })),
            ("a good page and a bad one", BlockStatus.Error, front.Put(BlockOperation.Write, 0, page.Whole, new BlockSegment { GrantRef = new GrantRef(501), LastSector = 7 })),
            ("a discard beyond the end", BlockStatus.Error, front.PutDiscard(2040, 9)),
            ("a discard whose end overflows", BlockStatus.Error, front.PutDiscard(8, ulong.MaxValue)),
            ("an indirect flush", BlockStatus.Error, front.PutIndirect(BlockOperation.FlushDiskCache, 0, [page.Whole], front.NewPage())),
            ("an indirect indirect", BlockStatus.Error, front.PutIndirect(BlockOperation.Indirect, 0, [page.Whole], front.NewPage())),
            ("no indirect segments", BlockStatus.Error, front.PutIndirect(BlockOperation.Read, 0, [], front.NewPage())),
            ("257 indirect segments", BlockStatus.Error, front.PutIndirect(BlockOperation.Read, 0, [page.Whole], front.NewPage(), 257)),
            ("an indirect page that is not granted", BlockStatus.Error, front.PutIndirect(BlockOperation.Read, 0, [page.Whole], page with { Grant = new GrantRef(502) })),
            ("an indirect segment beyond its page", BlockStatus.Error, front.PutIndirect(BlockOperation.Read, 0, [page.Part(0, 200)], front.NewPage())),
            ("a barrier that is bad", BlockStatus.Error, front.Put(BlockOperation.WriteBarrier, 0, page.Part(3, 2))),
            ("a good read", BlockStatus.Okay, front.Put(BlockOperation.Read, 0, page.Whole)),
        ];
        front.Push();
        foreach (var (what, expected, id) in requests)
            Assert.That(await front.AnswerAsync(id), Is.EqualTo(expected), what);
        Assert.That(_disk.Journal, Is.EqualTo(new[] { "Read 0+4096" }), "nothing bad reaches the storage");
    });

    [Test]
    public async Task A_read_only_disk_takes_no_writes()
    {
        _machine.Media["ro"] = new MemoryStorage(2048, isReadOnly: true);
        await ConnectedAsync(async front =>
        {
            var page = front.NewPage();
            Assert.That(await front.BackAsync("info"), Is.EqualTo("4"));
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Error));
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
        }, "ro");
    }

    [Test]
    public async Task A_disk_of_large_sectors_takes_whole_ones_only()
    {
        _machine.Media["4k"] = new MemoryStorage(256, 4096);
        await ConnectedAsync(async front =>
        {
            var page = front.NewPage();
            Assert.That(await front.BackAsync("sectors"), Is.EqualTo("2048"));
            Assert.That(await front.BackAsync("sector-size"), Is.EqualTo("4096"));
            Assert.That(await front.DoAsync(BlockOperation.Read, 4, page.Whole), Is.EqualTo(BlockStatus.Error));
            Assert.That(await front.DoAsync(BlockOperation.Read, 8, page.Part(0, 3)), Is.EqualTo(BlockStatus.Error));
            Assert.That(await front.DoAsync(BlockOperation.Read, 8, page.Whole), Is.EqualTo(BlockStatus.Okay));
        }, "4k");
    }

    [TestCase(33u)]
    [TestCase(0x80000000u)]
    [TestCase(uint.MaxValue)]
    public Task A_producer_beyond_the_ring_costs_the_device(uint producer) => ConnectedAsync(async front =>
    {
        front.RingPage.WriteUInt32Release(RequestProducer, producer);
        front.Channel.Notify();
        await ExpectClosedAsync(front, "has room for");
    });

    [Test]
    public Task A_ring_that_is_overrun_costs_the_device_and_what_was_taken_is_finished_first()
    {
        _disk.HoldsBack = true;
        return ConnectedAsync(async (guest, front) =>
        {
            var page = front.NewPage().Fill(5);
            for (ulong i = 0; i < 32; i++)
                front.Put(BlockOperation.Write, i * 8, page.Whole);
            front.Push();
            while (_disk.HeldCount < 32)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            // Every entry has a request without an answer.
            front.RingPage.WriteUInt32Release(RequestProducer, 33);
            front.Channel.Notify();
            await guest.Delay(TimeSpan.FromMilliseconds(20));
            Assert.That(_disk.IsDisposed, Is.False);
            _disk.Release();
            await ExpectClosedAsync(front, "has room for 0");
            Assert.That(_disk.Bytes[..4096], Is.EqualTo(page.Bytes));
        });
    }

    [Test]
    public async Task A_device_that_was_lost_can_begin_anew()
    {
        DomId domain = default;
        await ConnectedAsync(async (guest, front) =>
        {
            domain = guest.Domain;
            front.RingPage.WriteUInt32Release(RequestProducer, 1000);
            front.Channel.Notify();
            await front.End.WaitForPeerAsync(XenbusState.Closing);
            await front.End.TrySwitchAsync(XenbusState.Closed);
            await front.End.WaitForPeerAsync(XenbusState.Closed);
            await front.End.TrySwitchAsync(XenbusState.Initialising);
            var again = new TestFront(guest);
            await again.ConnectAsync();
            Assert.That(await again.DoAsync(BlockOperation.Read, 0, again.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
        });
        Assert.That(_machine.Log, Has.Some.Contains("has room for"));
        Assert.That(await _machine.Store.ReadAsync(ErrorPath(domain)), Is.Null, "the report goes when the device is good again");
    }

    [Test]
    public Task A_grant_that_is_taken_back_and_given_to_another_frame_meanwhile_changes_nothing() => ConnectedAsync(async (guest, front) =>
    {
        _disk.HoldsBack = true;
        var page = front.NewPage().Fill(6);
        var id = front.Put(BlockOperation.Write, 0, page.Whole);
        front.Push();
        while (_disk.HeldCount == 0)
            await guest.Delay(TimeSpan.FromMilliseconds(1));
        Assert.That(guest.Grants.TryEnd(page.Grant), Is.False, "the back end has the page mapped");
        _disk.Release();
        Assert.That(await front.AnswerAsync(id), Is.EqualTo(BlockStatus.Okay));
        Assert.That(guest.Grants.TryEnd(page.Grant), Is.True, "it is the guest's again before the answer is seen");
        Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Error), "a grant that vanished");
    });

    [TestCase("event-channel", "x", "is no number")]
    [TestCase("event-channel", "1", "EVTCHNOP_bind_interdomain", Description = "the port by which it speaks with xenstored")]
    [TestCase("event-channel", "0", "EVTCHNOP_bind_interdomain")]
    [TestCase("event-channel", "4294967295", "EVTCHNOP_bind_interdomain")]
    [TestCase("ring-ref", "", "is no number")]
    [TestCase("ring-ref", "4294967295", "cannot be mapped")]
    [TestCase("ring-ref", "4294967296", "is no number")]
    [TestCase("ring-page-order", "4294967295", "4 is the most")]
    [TestCase("ring-page-order", "1", "ring-ref0 is missing")]
    [TestCase("multi-queue-num-queues", "4294967295", "2 are the most")]
    [TestCase("event-channel", "4000", "EVTCHNOP_bind_interdomain")]
    [TestCase("ring-ref", "-1", "is no number")]
    [TestCase("ring-ref", "77", "cannot be mapped")]
    [TestCase("ring-page-order", "5", "4 is the most")]
    [TestCase("multi-queue-num-queues", "3", "2 are the most")]
    [TestCase("multi-queue-num-queues", "0", "2 are the most")]
    [TestCase("multi-queue-num-queues", "2", "queue-0/event-channel is missing")]
    [TestCase("protocol", "x86_32-abi", "speaks the protocol 'x86_32-abi'")]
    public Task What_cannot_be_connected_is_refused_with_the_reason(string node, string value, string reason) => RunAsync("disk", async (_, front) =>
    {
        await front.End.WaitForPeerAsync(XenbusState.InitWait);
        await front.End.WriteAsync("ring-ref", front.NewPage().Grant.Value);
        await front.End.WriteAsync("event-channel", "1");
        await front.End.WriteAsync(node, value);
        await front.End.TrySwitchAsync(XenbusState.Initialised);
        await ExpectClosedAsync(front, reason);
    });

    [Test]
    public Task What_belongs_to_another_domain_is_refused([Values] bool ring) => RunAsync("disk", async (guest, front) =>
    {
        var stranger = new DomId(77);
        await front.End.WaitForPeerAsync(XenbusState.InitWait);
        await front.OfferAsync();
        await front.End.TrySwitchAsync(XenbusState.Initialising);
        if (ring)
            await front.End.WriteAsync("ring-ref", guest.Grants.Grant(stranger, guest.Memory.Allocate()).Value);
        else
            await front.End.WriteAsync("event-channel", guest.Events.AllocUnbound(stranger).Port.Value);
        await front.End.TrySwitchAsync(XenbusState.Initialised);
        await ExpectClosedAsync(front, ring ? "cannot be mapped" : "EVTCHNOP_bind_interdomain");
    });

    [Test]
    public Task A_ring_that_may_not_be_written_is_refused() => RunAsync("disk", async (_, front) =>
    {
        await front.End.WaitForPeerAsync(XenbusState.InitWait);
        await front.End.WriteAsync("ring-ref", front.NewPage(readOnly: true).Grant.Value);
        await front.End.WriteAsync("event-channel", "3");
        await front.End.TrySwitchAsync(XenbusState.Initialised);
        await ExpectClosedAsync(front, "cannot be mapped");
    });

    [Test]
    public Task Another_ring_is_named_while_the_first_is_in_use([Values] bool isGood) => ConnectedAsync(async (guest, front) =>
    {
        _disk.HoldsBack = true;
        var page = front.NewPage().Fill(9);
        front.Put(BlockOperation.Write, 0, page.Whole);
        front.Push();
        while (_disk.HeldCount == 0)
            await guest.Delay(TimeSpan.FromMilliseconds(1));
        if (!isGood)
        {
            await front.End.WriteAsync("ring-ref", "600");
            await front.End.WriteAsync("state", "4");
            _disk.Release();
            await ExpectClosedAsync(front, "cannot be mapped");
            return;
        }
        var other = new TestFront(guest);
        await other.OfferAsync();
        _disk.Release();
        // What the first ring had is done before the second is served.
        Assert.That(await other.DoAsync(BlockOperation.Read, 0, other.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
        Assert.That(_disk.Journal, Is.EqualTo(new[] { "Write 0+4096", "Read 0+4096" }));
    });

    // Whatever stands on a ring is a request, an error, or the end of the device; a device that ended can begin anew.
    [Test]
    public Task Anything_may_stand_on_a_ring([Range(1, 6)] int seed) => RunAsync("disk", async (guest, front) =>
    {
        var random = new Random(seed);
        var grants = Enumerable.Range(0, 6).Select(_ => front.NewPage().Grant.Value).ToArray();
        var entry = new byte[112];
        for (var life = 0; life < 6; life++)
        {
            front = new TestFront(guest);
            await front.ConnectAsync();
            for (var (round, producer) = (0, 0u); round < 60; round++)
            {
                for (var slot = 0; slot < 32; slot++)
                {
                    random.NextBytes(entry);
                    // Half of what would be noise is nearly right, to come further.
                    if (random.Next(2) == 0)
                        (entry[0], entry[1]) = ((byte)random.Next(7), (byte)random.Next(13));
                    if (random.Next(2) == 0)
                        entry.AsSpan(16, 8).Clear();
                    for (var segment = 0; segment < 11; segment++)
                    {
                        if (random.Next(4) == 0)
                            continue;
                        BitConverter.TryWriteBytes(entry.AsSpan(24 + (segment * 8)), grants[random.Next(grants.Length)]);
                        (entry[28 + (segment * 8)], entry[29 + (segment * 8)]) = ((byte)random.Next(9), (byte)random.Next(9));
                    }
                    front.RingPage.CopyFrom(64 + (slot * 112), entry);
                }
                producer += (uint)random.Next(random.Next(40) == 0 ? 40 : 12);
                front.RingPage.WriteUInt32Release(RequestProducer, producer);
                front.Channel.Notify();
                await guest.Delay(TimeSpan.FromMicroseconds(200));
            }
            await front.End.TrySwitchAsync(XenbusState.Closed);
            await front.End.WaitForPeerAsync(XenbusState.Closed);
            await front.End.TrySwitchAsync(XenbusState.Initialising);
        }
        foreach (var grant in grants)
            Assert.That(guest.Grants.TryEnd(new GrantRef(grant)), Is.True, "the back end let go of every page");
    });

    [Test]
    public Task Notifications_without_requests_delay_nobody() => ConnectedAsync(async front =>
    {
        for (var i = 0; i < 20000; i++)
            front.Channel.Notify();
        Assert.That(await front.DoAsync(BlockOperation.Read, 0, front.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
    });

    [Test]
    public Task States_in_any_order_do_no_harm() => RunAsync("disk", async (guest, front) =>
    {
        var random = new Random(8);
        await front.End.WaitForPeerAsync(XenbusState.InitWait);
        await front.OfferAsync();
        for (var i = 0; i < 300; i++)
        {
            await front.End.WriteAsync("ring-page-order", $"{random.Next(3)}");
            await front.End.WriteAsync("state", random.Next(4) == 0 ? "nonsense" : $"{random.Next(10)}");
        }
        await front.End.WriteAsync("state", "6");
        await front.End.WaitForPeerAsync(XenbusState.Closed);
        await guest.XenStore.RemoveAsync($"{front.End.Path}/ring-page-order");
        await front.End.WriteAsync("state", "1");
        var again = new TestFront(guest);
        await again.ConnectAsync();
        Assert.That(await again.DoAsync(BlockOperation.Read, 0, again.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
    });

    [Test]
    public Task Requests_without_end_are_served_and_delay_nobody() => RunAsync("disk", async (guest, front) =>
    {
        await front.ConnectAsync();
        var page = front.NewPage();
        for (var i = 0; i < 2000; i++)
        {
            while (front.Ring.Room > 0)
                front.Put(BlockOperation.Read, 0, page.Whole);
            front.Push();
            while (front.Ring.TryTake(out _) == RingResult.Done)
            {
            }
            await guest.Poll();
        }
    });

    private static string ErrorPath(DomId domain) => $"/local/domain/0/error/{BlockMachine.Device(domain).BackEndNode}/error";

    /// <summary>The device closes; what the log and the store say of it is looked at when the guest's own code is through.</summary>
    private async Task ExpectClosedAsync(TestFront front, string reason)
    {
        _expected = reason;
        await front.End.WaitForPeerAsync(XenbusState.Closing);
    }

    private Task ConnectedAsync(Func<TestFront, Task> body, string media = "disk") => ConnectedAsync((_, front) => body(front), media);

    private Task ConnectedAsync(Func<GuestContext, TestFront, Task> body, string media = "disk") => RunAsync(media, async (guest, front) =>
    {
        await front.ConnectAsync();
        await body(guest, front);
    });

    private async Task RunAsync(string media, Func<GuestContext, TestFront, Task> body)
    {
        var guest = await _machine.RunAsync(media, guest => body(guest, new TestFront(guest)));
        if (_expected is not { } reason)
            return;
        Assert.That(await _machine.Store.ReadAsync(ErrorPath(guest.Domain)), Does.Contain(reason));
        Assert.That(_machine.Log, Has.Some.Contains("the device is closed").And.Contains(reason));
    }
}
