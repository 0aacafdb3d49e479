using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Backends;

/// <summary>What a front end that keeps to the protocol gets.</summary>
[TestFixture]
public sealed class BlockBackendTests
{
    [Test]
    public async Task The_nodes_say_what_the_disk_is()
    {
        await using var machine = await BlockMachine.StartAsync(("disk", new MemoryStorage(2048)));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            string[] names = ["sectors", "sector-size", "physical-sector-size", "info", "feature-flush-cache", "feature-barrier", "feature-discard", "discard-granularity",
                "feature-max-indirect-segments", "max-ring-page-order", "multi-queue-max-queues", "hotplug-status"];
            var values = new List<string?>();
            foreach (var name in names)
                values.Add(await front.BackAsync(name));
            Assert.That(values, Is.EqualTo(new[] { "2048", "512", "4096", "0", "1", "1", "1", "4096", "256", "4", "2", "connected" }));
        });
    }

    [Test]
    public async Task What_is_written_is_read_back([Values(null, 0, 2)] int? order)
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync(order);
            Assert.That(front.Ring.Size, Is.EqualTo(32 << (order ?? 0)));
            var (written, read) = (front.NewPage().Fill(1), front.NewPage());
            Assert.That(await front.DoAsync(BlockOperation.Write, 16, written.Whole), Is.EqualTo(BlockStatus.Okay));
            Assert.That(await front.DoAsync(BlockOperation.Read, 16, read.Whole), Is.EqualTo(BlockStatus.Okay));
            Assert.That(read.Bytes, Is.EqualTo(written.Bytes));
            // Sectors 2..3 of one page and 5 of another, at sector 100.
            Assert.That(await front.DoAsync(BlockOperation.Write, 100, written.Part(2, 3), written.Part(5, 5)), Is.EqualTo(BlockStatus.Okay));
            Assert.That(storage.Bytes[51200..52736], Is.EqualTo((byte[])[.. written.Bytes[1024..2048], .. written.Bytes[2560..3072]]));
        });
        Assert.That(machine.Log, Has.None.Contains("closed"));
    }

    [Test]
    public async Task Requests_of_one_visit_are_submitted_together_and_answered_in_any_order()
    {
        var storage = new MemoryStorage(2048) { HoldsBack = true };
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var pages = Enumerable.Range(0, 20).Select(i => front.NewPage().Fill(i)).ToArray();
            var ids = pages.Select((page, i) => front.Put(BlockOperation.Write, (ulong)i * 8, page.Whole)).ToArray();
            front.Push();
            while (storage.HeldCount < 20)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            storage.Release();
            foreach (var id in ids)
                Assert.That(await front.AnswerAsync(id), Is.EqualTo(BlockStatus.Okay));
            Assert.That(storage.Bytes[..81920], Is.EqualTo(pages.SelectMany(page => page.Bytes)));
            Assert.That(storage.Batches, Is.EqualTo(new[] { 20 }));
        });
    }

    [Test]
    public async Task Indirect_requests_have_up_to_256_segments([Values(1, 12, 256)] int segments)
    {
        var storage = new MemoryStorage(4096);
        new Random(2).NextBytes(storage.Bytes);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            // A small guest: pages are read into again and again.
            var pages = Enumerable.Range(0, 16).Select(_ => front.NewPage()).ToArray();
            var list = front.NewPage();
            var all = Enumerable.Range(0, segments).Select(i => pages[i % 16].Whole).ToArray();
            var id = front.PutIndirect(BlockOperation.Read, 8, all, list);
            front.Push();
            var response = await front.ResponseAsync(id);
            Assert.That((response.Status, response.Operation), Is.EqualTo((BlockStatus.Okay, BlockOperation.Read)));
            Assert.That(storage.Journal, Is.EqualTo(new[] { $"Read 4096+{segments * 4096}" }));
            for (var i = Math.Max(0, segments - 16); i < segments; i++)
                Assert.That(pages[i % 16].Bytes, Is.EqualTo(storage.Bytes[((i + 1) * 4096)..((i + 2) * 4096)]), $"segment {i}");
        });
    }

    [Test]
    public async Task Flushes_barriers_and_discards()
    {
        var storage = new MemoryStorage(2048);
        Array.Fill(storage.Bytes, (byte)7);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage().Fill(3);
            Assert.That(await front.DoAsync(BlockOperation.FlushDiskCache, 0), Is.EqualTo(BlockStatus.Okay));
            Assert.That(await front.DoAsync(BlockOperation.FlushDiskCache, 8, page.Whole), Is.EqualTo(BlockStatus.Okay));
            Assert.That(await front.DoAsync(BlockOperation.WriteBarrier, 0), Is.EqualTo(BlockStatus.Okay));
            var discard = front.PutDiscard(64, 8);
            front.Push();
            Assert.That(await front.AnswerAsync(discard), Is.EqualTo(BlockStatus.Okay));
            discard = front.PutDiscard(64, 8, BlockDiscardFlags.Secure);
            front.Push();
            Assert.That(await front.AnswerAsync(discard), Is.EqualTo(BlockStatus.NotSupported));
            Assert.That(storage.Journal, Is.EqualTo(new[] { "Flush", "Flush", "Write 4096+4096", "Flush", "Discard 32768+4096" }));
            Assert.That(storage.Bytes[4096..8192], Is.EqualTo(page.Bytes));
        });
    }

    [Test]
    public async Task A_barrier_waits_for_all_before_it_and_all_behind_it_waits_for_the_barrier()
    {
        var storage = new MemoryStorage(2048) { HoldsBack = true };
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage();
            var ids = new[]
            {
                front.Put(BlockOperation.Write, 0, page.Whole), front.Put(BlockOperation.Write, 8, page.Whole),
                front.Put(BlockOperation.WriteBarrier, 16, page.Whole), front.Put(BlockOperation.Write, 24, page.Whole),
            };
            front.Push();
            while (storage.HeldCount < 2)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            await guest.Delay(TimeSpan.FromMilliseconds(20));
            Assert.That(storage.Journal, Is.EqualTo(new[] { "Write 0+4096", "Write 4096+4096" }));
            storage.Release();
            foreach (var id in ids)
                Assert.That(await front.AnswerAsync(id), Is.EqualTo(BlockStatus.Okay));
            Assert.That(storage.Journal, Is.EqualTo(new[] { "Write 0+4096", "Write 4096+4096", "Flush", "Write 8192+4096 FUA", "Write 12288+4096" }));
        });
    }

    [Test]
    public async Task A_storage_that_fails_is_an_error_of_that_request()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage();
            storage.Error = Errno.EIO;
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(BlockStatus.Error));
            storage.Error = Errno.None;
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
        });
    }

    [Test]
    public async Task A_disk_that_grows_is_told_to_the_front_end()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            await using var watch = await front.End.WatchPeerStateAsync();
            storage.Grow(4096);
            await foreach (var _ in watch.Events)
            {
                if (await front.BackAsync("sectors") == "4096")
                    break;
            }
            Assert.That(await front.DoAsync(BlockOperation.Read, 4088, front.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
        });
    }

    [Test]
    public async Task A_front_end_that_closes_can_begin_anew()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            for (var life = 0; life < 5; life++)
            {
                var front = new TestFront(guest);
                await front.ConnectAsync();
                Assert.That(await front.DoAsync(BlockOperation.Read, 0, front.NewPage().Whole), Is.EqualTo(BlockStatus.Okay), $"life {life}");
                await front.End.TrySwitchAsync(XenbusState.Closing);
                await front.End.WaitForPeerAsync(XenbusState.Closing);
                await front.End.TrySwitchAsync(XenbusState.Closed);
                await front.End.WaitForPeerAsync(XenbusState.Closed);
                await front.End.TrySwitchAsync(XenbusState.Initialising);
            }
        });
        Assert.That(storage.IsDisposed, Is.False);
    }

    [Test]
    public async Task A_back_end_that_begins_anew_takes_up_the_ring_where_the_other_left_it()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        await machine.RunAsync("disk", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage().Fill(4);
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
            var restarted = machine.RestartBackendAsync();
            while (!restarted.IsCompleted)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            await restarted;
            Assert.That(await front.DoAsync(BlockOperation.Write, 8, page.Whole), Is.EqualTo(BlockStatus.Okay));
            Assert.That(storage.Bytes[4096..8192], Is.EqualTo(page.Bytes));
        });
    }

    [Test]
    public async Task The_toolstack_takes_a_disk_away()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        var guest = await machine.RunAsync("disk", async context =>
        {
            var front = new TestFront(context);
            await front.ConnectAsync();
            context.Spawn(async () =>
            {
                await front.End.WaitForPeerAsync(XenbusState.Closing);
                await front.End.TrySwitchAsync(XenbusState.Closed);
            });
        });
        var path = BlockMachine.Device(guest.Domain).BackEndPath;
        await machine.Store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync($"{path}/online", "0");
            await nodes.WriteAsync($"{path}/state", "5");
        });
        await machine.ExpectAsync(guest.Domain, "state", "6");
        await machine.Store.RemoveAsync(path);
        while (!storage.IsDisposed)
            await Task.Delay(2);
    }

    [Test]
    public async Task A_drive_gets_another_disc_while_it_is_used()
    {
        var (first, second) = (new MemoryStorage(64, isReadOnly: true), new MemoryStorage(128, 2048, isReadOnly: true));
        second.Bytes[0] = 9;
        await using var machine = await BlockMachine.StartAsync(("first", first), ("second", second));
        await machine.RunAsync("first", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            Assert.That(await front.BackAsync("info"), Is.EqualTo("5"));
            var page = front.NewPage();
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
            foreach (var (disc, sectors, status) in new[] { ("second", "512", BlockStatus.Okay), ("", "0", BlockStatus.Error) })
            {
                await using var watch = await front.End.WatchPeerStateAsync();
                var changed = machine.Store.WriteAsync($"{BlockMachine.Device(guest.Domain).BackEndPath}/params", disc);
                await foreach (var _ in watch.Events)
                {
                    if (await front.BackAsync("sectors") == sectors)
                        break;
                }
                Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(status), disc);
            }
            Assert.That(page.Bytes[0], Is.EqualTo(9));
        }, mode: "r", type: "cdrom");
        Assert.That((first.IsDisposed, second.IsDisposed), Is.EqualTo((true, true)));
    }

    [Test]
    public async Task Another_disc_waits_for_what_is_under_way_on_the_one_before()
    {
        var (first, second) = (new MemoryStorage(64) { HoldsBack = true }, new MemoryStorage(64));
        await using var machine = await BlockMachine.StartAsync(("first", first), ("second", second));
        await machine.RunAsync("first", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            var page = front.NewPage().Fill(3);
            var before = front.Put(BlockOperation.Write, 0, page.Whole);
            front.Push();
            while (first.HeldCount == 0)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            var changed = machine.Store.WriteAsync($"{BlockMachine.Device(guest.Domain).BackEndPath}/params", "second");
            await guest.Delay(TimeSpan.FromMilliseconds(20));
            var after = front.Put(BlockOperation.Write, 8, page.Whole);
            front.Push();
            await guest.Delay(TimeSpan.FromMilliseconds(20));
            Assert.That((first.IsDisposed, second.Journal), Is.EqualTo((false, new List<string>())));
            first.Release();
            Assert.That(await front.AnswerAsync(before), Is.EqualTo(BlockStatus.Okay));
            Assert.That(await front.AnswerAsync(after), Is.EqualTo(BlockStatus.Okay));
            while (!first.IsDisposed)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
        });
        // The second was put while the first disc was being left: it went to either, once.
        Assert.That(first.Journal.Concat(second.Journal), Is.EqualTo(new[] { "Write 0+4096", "Write 4096+4096" }));
    }

    [Test]
    public async Task A_disk_that_grows_while_it_is_taken_away_is_taken_away()
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        var leaves = false;
        var guest = await machine.RunAsync("disk", async context =>
        {
            var front = new TestFront(context);
            await front.ConnectAsync();
            context.Spawn(async () =>
            {
                while (!Volatile.Read(ref leaves))
                    await context.Delay(TimeSpan.FromMilliseconds(1));
                await front.End.TrySwitchAsync(XenbusState.Closed);
            });
        });
        var path = BlockMachine.Device(guest.Domain).BackEndPath;
        await machine.Store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync($"{path}/online", "0");
            await nodes.WriteAsync($"{path}/state", "5");
        });
        storage.Grow(4096);
        // The back end looks at lengths every 50 ms.
        await Task.Delay(200);
        Assert.That(await machine.Store.ReadAsync($"{path}/state"), Is.EqualTo("5"));
        Volatile.Write(ref leaves, true);
        await machine.ExpectAsync(guest.Domain, "state", "6");
    }

    [Test]
    public async Task A_storage_that_throws_when_it_is_opened_costs_its_device_alone()
    {
        await using var machine = await BlockMachine.StartAsync(("others", new MemoryStorage(64)));
        var victim = await machine.StartAsync(_ => Task.CompletedTask);
        machine.OpenFails = request => request.Path == "bad" ? new InvalidOperationException("no opener expected this") : null;
        await machine.AnnounceAsync(victim.Domain, "bad");
        await machine.ExpectAsync(victim.Domain, "state", "5");
        Assert.That(machine.Log, Has.Some.Contains("no opener expected this"));
        Assert.That(await machine.Store.ReadAsync($"/local/domain/0/error/{BlockMachine.Device(victim.Domain).BackEndNode}/error"), Does.Contain("no opener expected this"));
        await machine.RunAsync("others", async guest =>
        {
            var front = new TestFront(guest);
            await front.ConnectAsync();
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, front.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
        });
    }

    [Test]
    public async Task A_medium_that_cannot_be_opened_is_said_in_the_store()
    {
        await using var machine = await BlockMachine.StartAsync();
        var guest = await machine.RunAsync("nothing", _ => Task.CompletedTask);

        await machine.ExpectAsync(guest.Domain, "hotplug-status", "error");

        Assert.That(await machine.Store.ReadAsync($"{BlockMachine.Device(guest.Domain).BackEndPath}/hotplug-error"), Is.EqualTo("nothing does not exist"));
        Assert.That(await machine.Store.ReadAsync($"{BlockMachine.Device(guest.Domain).BackEndPath}/state"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Ending_twice_at_once_is_ending_once()
    {
        var storage = new MemoryStorage(2048) { HoldsBack = true };
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        var guest = await machine.RunAsync("disk", async context =>
        {
            var front = new TestFront(context);
            await front.ConnectAsync();
            front.Put(BlockOperation.Read, 0, front.NewPage().Whole);
            front.Push();
            while (storage.HeldCount == 0)
                await context.Delay(TimeSpan.FromMilliseconds(1));
        });
        Task[] ends = [machine.Backend.EndDomainAsync(guest.Domain), machine.Backend.DisposeAsync().AsTask(), machine.Backend.EndDomainAsync(guest.Domain), machine.Backend.DisposeAsync().AsTask()];
        await Task.Delay(20);
        Assert.That(ends.Any(end => end.IsCompleted), Is.False);
        storage.Release();
        await Task.WhenAll(ends).WaitAsync(LiveMachine.Patience);
        Assert.That((storage.IsDisposed, storage.Journal), Is.EqualTo((true, new List<string> { "Read 0+4096" })));
    }

    [Test]
    public async Task A_domain_is_destroyed_while_requests_are_under_way()
    {
        var storage = new MemoryStorage(2048) { HoldsBack = true };
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        var guest = await machine.RunAsync("disk", async context =>
        {
            var front = new TestFront(context);
            await front.ConnectAsync();
            for (ulong i = 0; i < 10; i++)
                front.Put(BlockOperation.Read, i * 8, front.NewPage().Whole);
            front.Push();
            while (storage.HeldCount < 10)
                await context.Delay(TimeSpan.FromMilliseconds(1));
        });
        var destroyed = machine.DestroyAsync(guest);
        await Task.Delay(50);
        Assert.That(destroyed.IsCompleted, Is.False, "the storage still writes to the guest's pages");
        storage.Release();
        await destroyed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(storage.IsDisposed, Is.True);
    }
}
