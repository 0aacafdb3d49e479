using System.Collections.Concurrent;
using System.Diagnostics;
using NUnit.Framework;
using Pv.Abi;
using Pv.Backends.Storage;
using Pv.Backends.Storage.Nbd;
using Pv.Machine;

namespace Pv.Tests.Backends.Nbd;

[TestFixture]
public sealed class NbdStorageTests
{
    private const int Size = 1 << 20;

    private readonly ConcurrentQueue<string> _reports = new();

    [SetUp]
    public void Forget() => _reports.Clear();

    [Test]
    public async Task It_is_what_the_server_told()
    {
        var peer = new NbdPeer(new byte[Size + 100], NbdPeer.Usual);
        await using var storage = await OpenAsync(peer);

        Assert.That((storage.Capacity, storage.LogicalSectorSize, storage.PhysicalSectorSize, storage.IsReadOnly), Is.EqualTo(((long)Size, 512, 4096, false)));
        Assert.That((storage.Features, storage.DiscardGranularity), Is.EqualTo((BlockFeatures.Flush | BlockFeatures.ForceUnitAccess | BlockFeatures.Discard, 4096)));
        await storage.DisposeAsync();
        await peer.Connections.Single().Served;
        Assert.That((peer.Connections.Single().HasFarewell, peer.Disposals), Is.EqualTo((true, 1)));
    }

    [Test]
    public async Task A_server_that_only_reads_is_refused_for_writing()
    {
        var peer = new NbdPeer(new byte[Size], NbdExportFlags.HasFlags | NbdExportFlags.ReadOnly);
        Assert.That(async () => await OpenAsync(peer), Throws.TypeOf<StorageException>().With.Message.EqualTo("the test's disk can only be read"));
        Assert.That(peer.Disposals, Is.EqualTo(1));

        await using var storage = await NbdStorage.OpenAsync(peer, isReadOnly: true, discards: true, _reports.Enqueue);
        Assert.That((storage.IsReadOnly, storage.Features), Is.EqualTo((true, BlockFeatures.None)));
    }

    // Answers come in any order and in any pieces, from several threads' transfers at once.
    [Test]
    public async Task Transfers_do_to_the_disk_what_they_say([Values(1, 7, 16, 4096, int.MaxValue)] int piece, [Values(1, 5)] int seed)
    {
        var expected = new byte[Size];
        new Random(seed).NextBytes(expected);
        var peer = new NbdPeer([.. expected], NbdPeer.Usual);
        var random = new Random(seed);
        var kept = new List<NbdPeer.Request>();
        peer.Asked = (connection, request) =>
        {
            kept.Add(request);
            if (kept.Count < 8 && connection.HasMore)
                return;
            foreach (var one in kept.OrderBy(_ => random.Next()))
                connection.Answer(one, piece: piece);
            kept.Clear();
        };
        await using var storage = await OpenAsync(peer);
        // Each of four threads has a quarter of the disk, so that what it reads is known.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(quarter => Task.Run(() => ExerciseAsync(storage, expected, quarter, new Random(seed * 10 + quarter)))));

        Assert.That(peer.Disk, Is.EqualTo(expected));
    }

    private static async Task ExerciseAsync(NbdStorage storage, byte[] expected, int quarter, Random random)
    {
        const int rounds = 12, slots = 5, slotBytes = 16 * 4096;
        for (var round = 0; round < rounds; round++)
        {
            var batch = Enumerable.Range(0, random.Next(1, slots)).Select(slot => MakeOne(slot)).ToArray();
            storage.Submit(batch);
            foreach (var transfer in batch)
            {
                Assert.That(await transfer.Done, Is.EqualTo(Errno.None));
                var place = expected.AsSpan((int)transfer.Offset, (int)transfer.Length);
                if (transfer.Action == BlockAction.Write)
                    transfer.Gathered.CopyTo(place);
                else if (transfer.Action == BlockAction.Discard)
                    place.Clear();
                else if (transfer.Action == BlockAction.Read)
                    Assert.That(transfer.Gathered.AsSpan().SequenceEqual(place), $"round {round}");
            }
        }

        ScatteredTransfer MakeOne(int slot)
        {
            var pages = random.Next(1, 4);
            var transfer = new ScatteredTransfer(pages) { Offset = quarter * Size / 4 + slot * slotBytes % (Size / 4) + random.Next(4) * 512 };
            switch (random.Next(6))
            {
                case 0:
                    transfer.Action = BlockAction.Flush;
                    break;
                case 1:
                    transfer.Action = BlockAction.Discard;
                    transfer.Length = pages * 4096;
                    break;
                case 2 or 3:
                    transfer.Action = BlockAction.Write;
                    transfer.ForceUnitAccess = random.Next(2) == 0;
                    random.NextBytes(transfer.Memory);
                    transfer.Attach();
                    break;
                default:
                    transfer.Action = BlockAction.Read;
                    transfer.Attach();
                    break;
            }
            return transfer;
        }
    }

    [TestCase(1u, Errno.EPERM), TestCase(5u, Errno.EIO), TestCase(28u, Errno.ENOSPC), TestCase(108u, Errno.EIO), TestCase(4711u, Errno.EIO)]
    public async Task A_servers_error_is_the_transfers(uint error, Errno expected)
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        peer.Asked = (connection, request) => connection.Answer(request, request.Command == NbdCommand.Flush ? 0 : error);
        await using var storage = await OpenAsync(peer);

        Assert.That(await RunAsync(storage, BlockAction.Read), Is.EqualTo(expected));
        Assert.That(await RunAsync(storage, BlockAction.Write), Is.EqualTo(expected));
        Assert.That(await RunAsync(storage, BlockAction.Flush), Is.EqualTo(Errno.None));
    }

    [Test]
    public async Task A_write_that_must_be_durable_is_flushed_where_the_server_cannot_force_it([Values] bool canForce)
    {
        var asked = new ConcurrentQueue<(NbdCommand, NbdCommandFlags)>();
        var peer = new NbdPeer(new byte[Size], canForce ? NbdPeer.Usual : NbdExportFlags.HasFlags | NbdExportFlags.Flush);
        peer.Asked = (connection, request) =>
        {
            asked.Enqueue((request.Command, request.Flags));
            connection.Answer(request);
        };
        await using var storage = await OpenAsync(peer);

        var write = new ScatteredTransfer(2) { Action = BlockAction.Write, ForceUnitAccess = true };
        write.Attach();
        storage.Submit([write]);

        Assert.That(await write.Done, Is.EqualTo(Errno.None));
        Assert.That(asked, Is.EqualTo(canForce
            ? (IEnumerable<(NbdCommand, NbdCommandFlags)>)[(NbdCommand.Write, NbdCommandFlags.ForceUnitAccess)]
            : [(NbdCommand.Write, NbdCommandFlags.None), (NbdCommand.Flush, NbdCommandFlags.None)]));
    }

    [Test]
    public async Task A_trim_too_long_for_one_request_takes_several()
    {
        var asked = new ConcurrentQueue<(long, int)>();
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        peer.Asked = (connection, request) =>
        {
            asked.Enqueue((request.Offset, request.Length));
            connection.Answer(request);
        };
        await using var storage = await OpenAsync(peer);
        var discard = new ScatteredTransfer(0) { Action = BlockAction.Discard, Offset = 4L << 30, Length = (2L << 30) + 4096 };

        storage.Submit([discard]);

        Assert.That(await discard.Done, Is.EqualTo(Errno.None));
        Assert.That(asked, Is.EqualTo(new[] { (4L << 30, 1 << 30), (5L << 30, 1 << 30), (6L << 30, 4096) }));
    }

    [Test]
    public async Task A_server_that_does_not_read_makes_no_submitter_wait()
    {
        using var gate = new ManualResetEventSlim();
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        peer.Asked = (connection, request) =>
        {
            gate.Wait();
            connection.Answer(request);
        };
        await using var storage = await OpenAsync(peer);
        // Together far more than any socket holds.
        var writes = Enumerable.Range(0, 400).Select(i =>
        {
            var write = new ScatteredTransfer(4) { Action = BlockAction.Write, Offset = i % 60 * 16384 };
            write.Attach();
            return write;
        }).ToArray();

        storage.Submit(writes.AsSpan(0, 200).ToArray());
        storage.Submit(writes.AsSpan(200).ToArray());
        Assert.That(writes.Count(write => write.Done.IsCompleted), Is.Zero);
        gate.Set();

        foreach (var write in writes)
            Assert.That(await write.Done, Is.EqualTo(Errno.None));
    }

    [Test]
    public async Task When_the_server_goes_all_that_is_outstanding_fails_and_then_all_is_well_again()
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual) { Asked = (_, _) => { } };
        await using var storage = await OpenAsync(peer);
        var batch = Enumerable.Range(0, 100).Select(_ =>
        {
            var read = new ScatteredTransfer(1) { Action = BlockAction.Read };
            read.Attach();
            return read;
        }).ToArray();
        storage.Submit(batch);

        // In this order: what is asked on the way out has no answer, and what comes after it has one.
        peer.Connections[0].Break();
        peer.Asked = null;

        foreach (var read in batch)
            Assert.That(await read.Done, Is.EqualTo(Errno.EIO));
        await RecoverAsync(storage);
        Assert.That(peer.Connections, Has.Count.EqualTo(2));
        await WaitAsync(() => storage.Fault is null);
        Assert.That(_reports.First(), Is.EqualTo("the test's disk: the connection to its server broke: the server closed the connection"));
    }

    // The server had called the write done, and went before it was on the disk.
    [Test]
    public async Task The_first_flush_after_writes_were_lost_fails([Values] bool wasFlushed)
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        await using var storage = await OpenAsync(peer);
        Assert.That(await RunAsync(storage, BlockAction.Write), Is.EqualTo(Errno.None));
        if (wasFlushed)
            Assert.That(await RunAsync(storage, BlockAction.Flush), Is.EqualTo(Errno.None));

        peer.Connections[0].Break();
        await RecoverAsync(storage);

        Assert.That(await RunAsync(storage, BlockAction.Flush), Is.EqualTo(wasFlushed ? Errno.None : Errno.EIO));
        Assert.That(await RunAsync(storage, BlockAction.Flush), Is.EqualTo(Errno.None));
    }

    [Test]
    public async Task A_server_that_answers_nonsense_is_left([Values] bool asReply)
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        peer.Asked = (connection, request) => connection.Send(asReply ? [0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1] : "this is not a reply"u8);
        await using var storage = await OpenAsync(peer);

        Assert.That(await RunAsync(storage, BlockAction.Read), Is.EqualTo(Errno.EIO));

        peer.Asked = null;
        await RecoverAsync(storage);
        Assert.That(_reports.First(), Does.EndWith(asReply ? "the server answered what was not asked" : "the server sent what is no reply"));
    }

    [Test]
    public async Task A_server_that_comes_back_as_another_disk_is_not_believed()
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        await using var storage = await OpenAsync(peer);

        peer.Disk = new byte[Size / 2];
        peer.Connections[0].Break();

        await WaitAsync(() => _reports.Any(line => line.EndsWith("it is another disk now (524288 bytes): the disk fails from here on", StringComparison.Ordinal)));
        Assert.That(await RunAsync(storage, BlockAction.Read), Is.EqualTo(Errno.EIO));
    }

    [Test]
    public async Task A_server_that_does_not_come_back_is_given_up()
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        await using var storage = await OpenAsync(peer);

        var faults = new ConcurrentQueue<string?>();
        storage.FaultChanged += () => faults.Enqueue(storage.Fault);

        peer.Serves = false;
        peer.Connections[0].Break();

        await WaitAsync(() => _reports.Any(line => line.Contains("its server does not come back, and the disk fails from here on: ", StringComparison.Ordinal)));
        Assert.That(await RunAsync(storage, BlockAction.Read), Is.EqualTo(Errno.EIO));
        await WaitAsync(() => faults.Count == 2);
        Assert.That(faults.First(), Is.EqualTo("the test's disk: the connection to its server broke: the server closed the connection"));
        Assert.That(faults.Last(), Does.StartWith("the test's disk: its server does not come back, and the disk fails from here on: "));
    }

    [Test]
    public async Task Nothing_is_allocated_for_a_transfer()
    {
        var peer = new NbdPeer(new byte[Size], NbdPeer.Usual);
        await using var storage = await OpenAsync(peer);
        using var transfer = new RepeatedTransfer();
        transfer.Action = BlockAction.Write;
        for (var i = 0; i < 100; i++)
            transfer.Run(storage);

        // The peer's own thread allocates for each request: this thread's share and the receiver's are what counts. The runtime may have
        // something of its own to do now and then, so one round of several must be clean.
        var least = long.MaxValue;
        for (var round = 0; round < 5 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread() + transfer.AllocatedByReceiver;
            for (var i = 0; i < 1000; i++)
                transfer.Run(storage);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() + transfer.AllocatedByReceiver - before);
        }
        Assert.That(least, Is.Zero);
    }

    private Task<NbdStorage> OpenAsync(NbdPeer peer) => NbdStorage.OpenAsync(peer, isReadOnly: false, discards: true, _reports.Enqueue);

    private static async Task<Errno> RunAsync(NbdStorage storage, BlockAction action)
    {
        var transfer = new ScatteredTransfer(action == BlockAction.Flush ? 0 : 1) { Action = action };
        transfer.Attach();
        storage.Submit([transfer]);
        return await transfer.Done;
    }

    private static Task RecoverAsync(NbdStorage storage) => WaitAsync(() => RunAsync(storage, BlockAction.Read).Result == Errno.None);

    private static async Task WaitAsync(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(60)));
            await Task.Delay(5);
        }
    }

    /// <summary>A transfer of one page, used again and again.</summary>
    private sealed class RepeatedTransfer : BlockTransfer, IDisposable
    {
        private readonly HostSignal _done = new();
        private long _firstSeen = -1;

        public RepeatedTransfer() : base(1) => Add(HostVector.OfPinned(GC.AllocateArray<byte>(4096, pinned: true)));

        /// <summary>Bytes that the completing thread allocated from its second completion to its last.</summary>
        public long AllocatedByReceiver { get; private set; }

        public void Run(NbdStorage storage)
        {
            BlockTransfer transfer = this;
            Action = Action == BlockAction.Write ? BlockAction.Read : BlockAction.Write;
            storage.Submit(new ReadOnlySpan<BlockTransfer>(in transfer));
            _done.Wait();
        }

        public override void Complete(Errno error)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            if (_firstSeen < 0)
                _firstSeen = allocated;
            AllocatedByReceiver = allocated - _firstSeen;
            _done.Set();
        }

        public void Dispose() => _done.Dispose();
    }
}
