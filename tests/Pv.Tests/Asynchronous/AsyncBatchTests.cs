using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Asynchronous;

/// <summary>Queues of asynchronous hypercalls from C# guests, on the real hypervisor.</summary>
[TestFixture]
internal sealed class AsyncBatchTests
{
    private const long VersionNumber = 4L << 16 | 17;

    [TestCase(1)]
    [TestCase(2)]
    public async Task A_batch_answers_as_a_multicall_does(int pcpus)
    {
        var (multicall, asynchronous) = (new List<string>(), new List<string>());
        await RunAsync(pcpus, async guest =>
        {
            using var queue = guest.OpenAsyncQueue();
            using (var batch = guest.Hypercalls.Batch())
                await FillAsync(guest, batch, multicall);
            using (var batch = queue.Batch())
                await FillAsync(guest, batch, asynchronous);
        });
        Assert.That(asynchronous, Is.EqualTo(multicall));
        Assert.That(multicall, Has.Count.EqualTo(3 * (HypercallBatch.Capacity - 2) + 3));
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task Batches_under_way_at_once_are_each_awaited(int pcpus)
    {
        var sums = new long[4];
        var kicks = 0ul;
        await RunAsync(pcpus, async guest =>
        {
            using var queue = guest.OpenAsyncQueue(16);
            var left = sums.Length;
            var done = new TaskCompletionSource();
            for (var task = 0; task < sums.Length; task++)
            {
                var own = task;
                guest.Spawn(async () =>
                {
                    using var batch = queue.Batch();
                    for (var round = 0; round < 50; round++)
                    {
                        for (var i = 0; i < 1 + ((own + round) % 9); i++)
                            batch.Add(HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
                        // Others may have filled the ring.
                        while (batch.Submit() == Errno.EAGAIN)
                            await guest.Yield();
                        Assert.That(await batch.WhenDoneAsync(), Is.True);
                        for (var i = 0; i < batch.Count; i++)
                            sums[own] += batch.Result(i) == VersionNumber ? 1 : 1000;
                        batch.Clear();
                    }
                    if (--left == 0)
                        done.SetResult();
                });
            }
            await done.Task;
            kicks = queue.Kicks;
        });
        Assert.That(sums, Is.EqualTo(Enumerable.Range(0, 4).Select(task => Enumerable.Range(0, 50).Sum(round => 1 + ((task + round) % 9)))));
        Assert.That(kicks, Is.Not.Zero);
    }

    [Test]
    public async Task Single_calls_bring_their_cookies_back_and_the_ring_wraps()
    {
        var cookies = new List<long>();
        await RunAsync(2, async guest =>
        {
            using var queue = guest.OpenAsyncQueue(4);
            for (var next = 0L; cookies.Count < 100;)
            {
                while (next < 100 && queue.TryAdd(new MulticallEntry { Operation = (ulong)HypercallNumber.XenVersion, Result = next }))
                    next++;
                queue.Publish().OrThrow("kick");
                while (queue.TryTake(out var completion))
                    cookies.Add(completion.Result == VersionNumber ? completion.Cookie : -1);
                await guest.Yield();
            }
        });
        Assert.That(cookies, Is.EqualTo(Enumerable.Range(0, 100)));
    }

    [Test]
    public async Task A_queue_that_is_taken_down_ends_what_waits_for_it_and_gives_its_frames_back()
    {
        var (before, after, waited) = (0ul, 0ul, true);
        await RunAsync(1, async guest =>
        {
            Assert.That(guest.Hypercalls.AsyncVersion(), Is.EqualTo(AsyncHypercalls.Version));
            before = guest.Memory.FreeFrames;
            var queue = guest.OpenAsyncQueue(1024);
            Assert.That(guest.Memory.FreeFrames, Is.EqualTo(before - 21));
            var batch = queue.Batch();
            batch.Add(HypercallNumber.XenVersion);
            // Made in the same turn as the end, on one pCPU: nothing served it yet.
            batch.Submit().OrThrow("submit");
            Assert.That(() => batch.Clear(), Throws.InvalidOperationException);
            Assert.That(() => batch.Result(0), Throws.InvalidOperationException);
            var wait = batch.WhenDoneAsync().AsTask();
            queue.Dispose();
            waited = await wait;
            batch.Dispose();
            Assert.That(guest.Hypercalls.Call(AsyncHypercalls.Number, (ulong)AsyncOperation.Kick), Is.EqualTo(-(long)Errno.ENOENT));
            using (guest.OpenAsyncQueue(1024))
                Assert.That(() => guest.OpenAsyncQueue(), Throws.TypeOf<HypercallException>().With.Property("Errno").EqualTo(Errno.EBUSY));
            after = guest.Memory.FreeFrames;
        });
        Assert.That((waited, after), Is.EqualTo((false, before)));
    }

    private static async Task RunAsync(int pcpus, Func<GuestContext, Task> main)
    {
        await using var machine = new LiveMachine(pcpus);
        var free = machine.Core.FreeFrames;
        var guest = await machine.StartAsync(main);
        var end = await guest.EndAsync();
        Assert.That(end, Is.EqualTo(ShutdownReason.PowerOff), machine.Core.Log.Read(clear: false));
        await guest.DestroyAsync();
        Assert.That(machine.Core.FreeFrames, Is.EqualTo(free));
    }

    /// <summary>The same calls thrice in a batch of any kind; what they said.</summary>
    private static async Task FillAsync(GuestContext guest, HypercallBatch batch, List<string> said)
    {
        for (var round = 0; round < 3; round++)
        {
            var features = batch.AddWithArgument(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, default(XenFeatureInfo));
            batch.AddWithArgument(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send, new EventChannelSend { Port = new EventPort(999) });
            while (batch.HasRoom(8))
                batch.AddWithArgument(HypercallNumber.MemoryOp, (ulong)MemoryOperation.CurrentReservation, new MemoryDomain { Domain = DomId.Self });
            batch.Submit().OrThrow("submit");
            Assert.That(await batch.WhenDoneAsync(), Is.True);
            said.Add($"features {batch.Argument<XenFeatureInfo>(features).Submap:x}");
            for (var i = 2; i < batch.Count; i++)
                said.Add($"{batch.Result(i)}");
            Assert.That(batch.Result(1), Is.EqualTo(-(long)Errno.EINVAL));
            batch.Clear();
        }
    }
}
