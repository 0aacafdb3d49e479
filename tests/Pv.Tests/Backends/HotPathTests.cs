using NUnit.Framework;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Backends.Storage;
using Pv.Machine;

namespace Pv.Tests.Backends;

/// <summary>What a request may cost on its way through the back end: nothing from the heap, and no lock while the host works.</summary>
[TestFixture]
public sealed class HotPathTests
{
    // A ring's thread is watched where the storage meets it: from one visit to another it answers, takes, maps, and submits.
    [Test]
    public async Task A_ring_allocates_nothing([Values] PersistentGrants persistent, [Values] bool indirect)
    {
        var watch = new WatchingStorage();
        await using var machine = new BlockMachine { PersistentGrants = persistent };
        machine.Media["disk"] = watch;
        await machine.StartBackendAsync();
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.End.WriteAsync("feature-persistent", "1");
            await front.ConnectAsync();
            var pages = Enumerable.Range(0, 11).Select(_ => front.NewPage().Whole).ToArray();
            var list = front.NewPage();
            // The runtime has something of its own to do now and then: one window of several must be clean.
            for (var window = 0; window < 40 && watch.Least > 0; window++)
            {
                watch.Begin();
                for (var round = 0; round < 100; round++)
                {
                    var id = indirect ? front.PutIndirect(BlockOperation.Read, 0, pages, list) : front.Put(BlockOperation.Write, 8, pages);
                    front.Put(BlockOperation.Read, 16, pages[0]);
                    front.Put(BlockOperation.Read, ulong.MaxValue, pages[0]);
                    front.Push();
                    await front.AnswerAsync(id);
                    await front.AnswerAsync(id + 1);
                    await front.AnswerAsync(id + 2);
                }
            }
        });
        Assert.That(watch.Least, Is.Zero, "bytes that the ring's thread allocated in the best window");
    }

    [Test]
    public async Task A_ring_holds_no_lock_when_it_calls_the_storage()
    {
        var watch = new WatchingStorage();
        await using var machine = new BlockMachine();
        machine.Media["disk"] = watch;
        await machine.StartBackendAsync();
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage();
            watch.Locks = new HeldLocks(machine.Backend, machine.Machine.Dom0, machine.Machine.Core);
            for (var i = 0; i < 20; i++)
            {
                Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
                Assert.That(await front.DoAsync(BlockOperation.WriteBarrier, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
            }
        });
        Assert.That(watch.Locks!.Count, Is.GreaterThan(10), "the hypervisor's locks are among them");
        Assert.That(watch.Looks, Is.GreaterThanOrEqualTo(60));
        Assert.That(watch.Held, Is.Empty);
    }

    [Test]
    public void Locks_that_are_held_are_seen()
    {
        var workers = new TransferWorkers("test", _ => { });
        var locks = new HeldLocks(workers);
        Assert.That(locks.HeldHere(), Is.Empty);
        lock (workers)
            Assert.That(locks.HeldHere(), Is.EqualTo(new[] { "TransferWorkers" }));
    }

    // A transfer is completed by the thread that did the system call, right behind it: a lock that was held across the call is held there.
    [Test]
    public async Task A_file_is_read_and_written_under_no_lock([Values] BlockAction action, [Values] bool forceUnitAccess)
    {
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"hot-{TestContext.CurrentContext.Test.ID}.img");
        await File.WriteAllBytesAsync(path, new byte[65536]);
        try
        {
            await using var storage = FileStorage.Open(path, isReadOnly: false);
            var batch = Enumerable.Range(0, 4).Select(_ => new LookingTransfer(new HeldLocks(storage)) { Action = action, ForceUnitAccess = forceUnitAccess }).ToArray();
            for (var round = 0; round < 10; round++)
            {
                storage.Submit(batch);
                foreach (var transfer in batch)
                    Assert.That(transfer.Wait(), Is.Empty);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public async Task A_file_is_read_and_written_without_allocating([Values(BlockAction.Read, BlockAction.Write, BlockAction.Flush)] BlockAction action)
    {
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"hot-{TestContext.CurrentContext.Test.ID}.img");
        await File.WriteAllBytesAsync(path, new byte[65536]);
        try
        {
            await using var storage = FileStorage.Open(path, isReadOnly: false);
            var transfer = new LookingTransfer(null) { Action = action };
            var least = long.MaxValue;
            for (var window = 0; window < 20 && least > 0; window++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread() + transfer.AllocatedElsewhere;
                for (var i = 0; i < 200; i++)
                {
                    storage.Submit([transfer]);
                    transfer.Wait();
                }
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() + transfer.AllocatedElsewhere - before);
            }
            Assert.That(least, Is.Zero);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A storage that does everything at once and looks at the thread that calls it.</summary>
    private sealed class WatchingStorage : IBlockStorage
    {
        private int _thread;
        private long _start;

        public HeldLocks? Locks { get; set; }

        public List<string> Held { get; } = [];

        public int Looks { get; private set; }

        /// <summary>What the thread allocated in the best window: from its first visit to its last.</summary>
        public long Least { get; private set; } = long.MaxValue;

        private long _inWindow;
        private bool _isOpen;

        public long Capacity => 1 << 20;

        public int LogicalSectorSize => 512;

        public int PhysicalSectorSize => 512;

        public bool IsReadOnly => false;

        public BlockFeatures Features => BlockFeatures.Flush;

        public int DiscardGranularity => 0;

        public void Begin()
        {
            if (_isOpen)
                Least = Math.Min(Least, Volatile.Read(ref _inWindow));
            _thread = 0;
            _isOpen = true;
        }

        public void Submit(ReadOnlySpan<BlockTransfer> batch)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            if (_thread != Environment.CurrentManagedThreadId)
                (_thread, _start) = (Environment.CurrentManagedThreadId, allocated);
            Volatile.Write(ref _inWindow, allocated - _start);
            if (Locks is not null)
            {
                Looks++;
                Held.AddRange(Locks.HeldHere());
                _thread = 0;
            }
            foreach (var transfer in batch)
                transfer.Complete(Errno.None);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class LookingTransfer : BlockTransfer
    {
        private readonly HeldLocks? _locks;
        private readonly HostSignal _done = new();
        private readonly int _home = Environment.CurrentManagedThreadId;
        private readonly Dictionary<int, (long First, long Last)> _elsewhere = [];
        private string[] _held = [];

        public LookingTransfer(HeldLocks? locks) : base(1)
        {
            _locks = locks;
            Add(HostVector.OfPinned(GC.AllocateArray<byte>(4096, pinned: true)));
        }

        /// <summary>What other threads than the submitter's allocated, each since its first completion.</summary>
        public long AllocatedElsewhere
        {
            get
            {
                var sum = 0L;
                foreach (var (first, last) in _elsewhere.Values)
                    sum += last - first;
                return sum;
            }
        }

        public string[] Wait()
        {
            _done.Wait();
            return _held;
        }

        public override void Complete(Errno error)
        {
            if (_locks is not null)
                _held = [.. _locks.HeldHere()];
            else if (Environment.CurrentManagedThreadId is var thread && thread != _home)
            {
                var now = GC.GetAllocatedBytesForCurrentThread();
                _elsewhere[thread] = (_elsewhere.TryGetValue(thread, out var known) ? known.First : now, now);
            }
            _done.Set();
        }
    }
}
