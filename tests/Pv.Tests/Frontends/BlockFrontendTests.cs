using System.Collections.Concurrent;
using NUnit.Framework;
using Pv.Abi;
using Pv.Frontends;
using Pv.Guest;
using Pv.Tests.Guest.Live;

namespace Pv.Tests.Frontends;

/// <summary>The block front end of C# guests against a back end that does what a test wants.</summary>
[TestFixture]
public sealed class BlockFrontendTests
{
    private static readonly Dictionary<string, string> Everything = new()
    {
        ["max-ring-page-order"] = "4",
        ["multi-queue-max-queues"] = "4",
        ["feature-max-indirect-segments"] = "256",
        ["feature-flush-cache"] = "1",
        ["feature-discard"] = "1",
        ["feature-persistent"] = "1",
    };

    [Test]
    public async Task What_is_written_is_read_back_in_every_shape_of_ring([Values(0, 2)] int order, [Values(1, 3)] int queues, [Values(11, 256)] int segments)
    {
        await using var world = await World.StartAsync(
            new BlockFrontendOptions { RingPageOrder = order, Queues = queues, Segments = segments }, Everything, async (guest, disk) =>
            {
                using var written = disk.Allocate(300 * 1024);
                using var read = disk.Allocate(300 * 1024);
                var content = Content(300 * 1024, seed: 1);
                written.CopyFrom(0, content);
                await disk.WriteAsync(8, written, 0, content.Length);
                await disk.FlushAsync();
                await disk.ReadAsync(8, read, 0, content.Length);
                var back = new byte[content.Length];
                read.CopyTo(0, back);
                Expect(back.AsSpan().SequenceEqual(content), "what was read is not what was written");
                // Parts of pages: from the middle of one to the middle of another.
                await disk.ReadAsync(9, read, 1536, 7 * 512);
                read.CopyTo(1536, back.AsSpan(0, 7 * 512));
                Expect(back.AsSpan(0, 7 * 512).SequenceEqual(content.AsSpan(512, 7 * 512)), "a part is wrong");
                await disk.DiscardAsync(16, 8);
                await disk.ReadAsync(16, read, 0, 4096);
                read.CopyTo(0, back.AsSpan(0, 4096));
                Expect(!back.AsSpan(0, 4096).ContainsAnyExcept((byte)0), "a discarded part has content");
                Expect(disk.Features is { Queues: var q, RingSize: var size } && q == queues && size == 32 << order, $"{disk.Features}");
            });
        await world.EndAsync();
        Assert.That(world.Disk.Content.AsSpan(16 * 512 + 4096, 100 * 1024).SequenceEqual(Content(300 * 1024, 1).AsSpan(8 * 512 + 4096, 100 * 1024)));
        Assert.That(world.Disk.Seen.Select(seen => seen.Operation), Does.Contain(BlockOperation.FlushDiskCache).And.Contain(BlockOperation.Discard));
        Assert.That(world.Disk.Seen.Any(seen => seen.Indirect), Is.EqualTo(segments > 11));
        Assert.That(world.Disk.Seen.Max(seen => seen.Segments), Is.EqualTo(Math.Min(segments, 75)));
        Assert.That(await world.Disk.End.ReadPeerAsync("protocol"), Is.EqualTo("x86_64-abi"));
        Assert.That(await world.Disk.End.ReadPeerAsync("feature-persistent"), Is.EqualTo("1"));
        Assert.That(await world.Disk.End.ReadPeerAsync("ring-ref"), order == 0 && queues == 1 ? Is.Not.Null : Is.Null);
    }

    [Test]
    public async Task Requests_of_a_turn_share_a_notification_and_a_full_ring_makes_the_rest_wait()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions { RingPageOrder = 0 }, Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(100 * 4096);
            await disk.ReadAsync(0, buffer, 0, 4096);
            var before = disk.Statistics.Notifications;
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => disk.ReadAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()));
            Expect(disk.Statistics.Notifications - before <= 1, "20 requests of a turn needed more than one notification");
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => disk.WriteAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()));
        });
        world.Disk.Holds = true;
        world.Go();
        await world.UntilAsync(() => world.Disk.Seen.Count == 1);
        world.Disk.Release();
        await world.EndAsync();
        Assert.That(world.Disk.Seen, Has.Count.EqualTo(121));
    }

    [Test]
    public async Task Answers_come_in_any_order_and_failures_go_to_whom_they_belong()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(10 * 4096);
            var tasks = Enumerable.Range(0, 10).Select(i => disk.ReadAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()).ToArray();
            var failed = 0;
            for (var i = 0; i < tasks.Length; i++)
            {
                try
                {
                    await tasks[i];
                    var bytes = new byte[1];
                    buffer.CopyTo(i * 4096, bytes);
                    Expect(bytes[0] == i + 1, $"request {i} got what another asked for");
                }
                catch (BlockException failure) when (i == 3 && failure.Message.Contains("Error to Read", StringComparison.Ordinal))
                {
                    failed++;
                }
            }
            Expect(failed == 1, "the failure went elsewhere");
        });
        for (var i = 0; i < 10; i++)
            world.Disk.Content[i * 4096] = (byte)(i + 1);
        var count = 0;
        (world.Disk.Holds, world.Disk.Backwards) = (true, true);
        world.Disk.Lie = response => ++count == 7 ? response with { Status = BlockStatus.Error } : response;
        world.Go();
        await world.UntilAsync(() => world.Disk.Seen.Count == 10);
        world.Disk.Release();
        await world.EndAsync();
    }

    [Test]
    public async Task Misuse_is_refused_before_it_reaches_the_ring()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), new() { ["info"] = "4", ["sector-size"] = "4096" }, async (guest, disk) =>
        {
            var buffer = disk.Allocate(8192);
            await RefusedAsync<ArgumentOutOfRangeException>(() => disk.ReadAsync(2048, buffer, 0, 4096));
            await RefusedAsync<ArgumentOutOfRangeException>(() => disk.ReadAsync(ulong.MaxValue, buffer, 0, 4096));
            await RefusedAsync<ArgumentOutOfRangeException>(() => disk.ReadAsync(0, buffer, 4096, 8192));
            await RefusedAsync<ArgumentOutOfRangeException>(() => disk.ReadAsync(0, buffer, -512, 4096));
            await RefusedAsync<ArgumentException>(() => disk.ReadAsync(1, buffer, 0, 4096));
            await RefusedAsync<ArgumentException>(() => disk.ReadAsync(0, buffer, 512, 4096));
            await RefusedAsync<ArgumentException>(() => disk.ReadAsync(0, buffer, 0, 512));
            await RefusedAsync<BlockException>(() => disk.WriteAsync(0, buffer, 0, 4096));
            await RefusedAsync<BlockException>(() => disk.DiscardAsync(0, 8));
            await disk.FlushAsync();
            await disk.ReadAsync(0, buffer, 0, 8192);
            buffer.Dispose();
            await RefusedAsync<ObjectDisposedException>(() => disk.ReadAsync(0, buffer, 0, 4096));
            Expect(disk.Statistics.Requests == 1, "something reached the ring");
        });
        await world.EndAsync();
    }

    [TestCase("an answer to nothing", "answered a request that it does not have")]
    [TestCase("an answer twice", "answered a request that it does not have")]
    [TestCase("an old answer", "answered a request that it does not have")]
    [TestCase("another operation", "answered Write to a request for Read")]
    [TestCase("an overrun index", "published 4000000 responses")]
    public async Task A_back_end_that_lies_loses_the_disk_and_the_guest_lives(string lie, string reason)
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(4096);
            for (var i = 0; i < 3; i++)
                await disk.ReadAsync(0, buffer, 0, 4096);
            await RefusedAsync<BlockException>(async ValueTask () =>
            {
                while (true)
                    await disk.ReadAsync(0, buffer, 0, 4096);
            });
            await disk.Ended;
            Expect(disk.EndReason!.Contains(reason, StringComparison.Ordinal), disk.EndReason!);
            Expect(disk.State == BlockFrontendState.Ended, $"{disk.State}");
            await RefusedAsync<BlockException>(() => disk.ReadAsync(0, buffer, 0, 4096));
        });
        var count = 0;
        var last = default(BlockResponse);
        world.Disk.Lie = response =>
        {
            if (++count < 4)
            {
                last = response;
                return response;
            }
            switch (lie)
            {
                case "an answer to nothing":
                    return response with { Id = response.Id + 1 };
                case "an old answer":
                    return last;
                case "another operation":
                    return response with { Operation = BlockOperation.Write };
                case "an answer twice":
                    if (count == 4)
                        return response;
                    return last with { Id = last.Id };
                default:
                    world.Disk.OnRings(rings =>
                    {
                        rings[0].IsSpoilt = true;
                        rings[0].Header.WriteUInt32Release(8, 4_000_003);
                        rings[0].Channel!.Notify();
                    });
                    return null;
            }
        };
        world.Go();
        await world.EndAsync();
        Assert.That(await world.Machine.Store.ReadAsync($"/local/domain/{world.Guest.Domain.Value}/error/device/vbd/51712/error"), Does.Contain(reason));
        Assert.That(await world.Disk.End.GetPeerStateAsync(), Is.EqualTo(XenbusState.Closed));
    }

    // Whatever the back end writes to the ring, the disk goes on or is lost with a reason, and the guest lives.
    [Test]
    public async Task Anything_may_come_from_a_back_end([Range(1, 8)] int seed)
    {
        var random = new Random(seed);
        await using var world = await World.StartAsync(new BlockFrontendOptions { RingPageOrder = 0 }, Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(64 * 4096);
            await RefusedAsync<BlockException>(async ValueTask () =>
            {
                while (true)
                    await Task.WhenAll(Enumerable.Range(0, 20).Select(i => disk.ReadAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()));
            });
            await disk.Ended;
            Expect(disk.EndReason!.Contains("the back end", StringComparison.Ordinal), disk.EndReason!);
        });
        var count = 0;
        world.Disk.Lie = response =>
        {
            if (++count < 50 || random.Next(10) != 0)
                return response;
            switch (random.Next(5))
            {
                case 0:
                    return response with { Id = (ulong)random.NextInt64() };
                case 1:
                    return response with { Id = response.Id ^ (1ul << random.Next(64)) };
                case 2:
                    return response with { Operation = (BlockOperation)random.Next(256) };
                case 3:
                    return response with { Id = response.Id & 0xffff };
                default:
                    world.Disk.OnRings(rings =>
                    {
                        rings[0].IsSpoilt = true;
                        rings[0].Header.WriteUInt32Release(8, (uint)random.Next());
                        rings[0].Channel!.Notify();
                    });
                    return null;
            }
        };
        world.Go();
        await world.EndAsync();
        Assert.That(await world.Disk.End.GetPeerStateAsync(), Is.EqualTo(XenbusState.Closed));
    }

    [Test]
    public async Task A_back_end_that_never_answers_costs_the_guest_no_more_than_that()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions { RingPageOrder = 0 }, Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(100 * 4096);
            var waiting = Enumerable.Range(0, 100).Select(i => disk.ReadAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()).ToArray();
            // The guest goes on with other things, and says so.
            for (var i = 0; i < 20; i++)
                await guest.Delay(TimeSpan.FromMilliseconds(1));
            Expect(!waiting.Any(task => task.IsCompleted), "something was answered");
            await guest.Console.WriteLineAsync("still here.");
            var failed = 0;
            foreach (var task in waiting)
            {
                try
                {
                    await task;
                }
                catch (BlockException)
                {
                    failed++;
                }
            }
            Expect(failed == 100, $"{failed} failed");
            // The buffer is free again, although the back end has its pages.
            buffer.Dispose();
        });
        world.Disk.Lie = _ => null;
        world.Go();
        await world.Guest.ExpectAsync("still here.");
        // The toolstack takes the disk away from an end that does not answer.
        await world.Machine.Store.RemoveAsync(world.Disk.Device.FrontEndPath);
        await world.EndAsync();
    }

    [Test]
    public async Task States_of_a_back_end_in_any_order_do_no_harm([Range(1, 3)] int seed)
    {
        var random = new Random(seed);
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(16 * 4096);
            var content = Content(buffer.Length, seed: 4);
            buffer.CopyFrom(0, content);
            await disk.WriteAsync(0, buffer, 0, buffer.Length);
            buffer.CopyFrom(0, new byte[buffer.Length]);
            await disk.ReadAsync(0, buffer, 0, buffer.Length);
            var back = new byte[buffer.Length];
            buffer.CopyTo(0, back);
            Expect(back.AsSpan().SequenceEqual(content), "what was read is not what was written");
        });
        await world.Disk.VanishAsync();
        world.Go();
        for (var i = 0; i < 200; i++)
        {
            await world.Disk.End.WriteAsync("state", random.Next(5) == 0 ? "nonsense" : $"{random.Next(9)}");
            if (random.Next(10) == 0)
                await Task.Delay(1);
        }
        // One that makes sense again is met anew, from whatever state.
        await world.Disk.End.WriteAsync("state", "1");
        await world.Disk.ExpectAsync(XenbusState.Initialising);
        await world.Disk.ServeAsync();
        await world.EndAsync();
    }

    [Test]
    public async Task A_back_end_that_comes_back_gets_what_it_did_not_answer([Values] bool politely, [Values(1, 2)] int queues)
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions { Queues = queues, Segments = 32 }, Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(2 * 1024 * 1024 / 4);
            var content = Content(buffer.Length, seed: 7);
            buffer.CopyFrom(0, content);
            // A quarter of them is answered, the rest is on the rings or in line when the back end goes.
            var half = buffer.Length / 2;
            await Task.WhenAll(
                disk.WriteAsync(0, buffer, 0, half).AsTask(), disk.WriteAsync((ulong)half / 512, buffer, half, half).AsTask(), disk.FlushAsync().AsTask());
            Expect(disk.Statistics.Connections == 2, $"{disk.Statistics.Connections} connections");
        });
        var count = 0;
        world.Disk.Lie = response => ++count <= 2 ? response : null;
        world.Go();
        await world.UntilAsync(() => world.Disk.Seen.Count >= 5);
        if (politely)
        {
            // It says that it goes, and stays online: the front end waits for its return.
            await world.Disk.VanishAsync();
            await world.Disk.End.TrySwitchAsync(XenbusState.Closed);
            await world.Disk.ExpectAsync(XenbusState.Initialising);
        }
        else
        {
            await world.Disk.VanishAsync();
        }
        world.Disk.Lie = response => response;
        await world.Disk.ServeAsync();
        await world.EndAsync();
        Assert.That(world.Disk.Content.AsSpan(0, 512 * 1024).SequenceEqual(Content(512 * 1024, 7)));
    }

    [Test]
    public async Task A_disk_that_is_taken_away_ends_after_what_was_under_way()
    {
        var held = new TaskCompletionSource();
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(4096);
            await disk.WriteAsync(0, buffer, 0, 4096);
            await disk.Ended;
            Expect(disk.EndReason == "the back end closed the device", disk.EndReason!);
            await RefusedAsync<BlockException>(() => disk.ReadAsync(0, buffer, 0, 4096));
        });
        world.Disk.Holds = true;
        world.Go();
        await world.UntilAsync(() => world.Disk.Seen.Count == 1);
        await world.Disk.End.WriteAsync("online", "0");
        await world.Disk.End.TrySwitchAsync(XenbusState.Closing);
        await world.UntilAsync(() => world.States.Contains(BlockFrontendState.Connecting));
        Assert.That(await world.Disk.End.GetPeerStateAsync(), Is.EqualTo(XenbusState.Connected), "it did not wait for the answer");
        world.Disk.Release();
        await world.Disk.ExpectAsync(XenbusState.Closed);
        await world.EndAsync();
    }

    [Test]
    public async Task A_device_that_the_toolstack_removes_ends()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            await disk.Ended;
            Expect(disk.EndReason == "the device was removed", disk.EndReason!);
        });
        world.Go();
        await world.Machine.Store.RemoveAsync(world.Disk.Device.FrontEndPath);
        await world.EndAsync();
    }

    [Test]
    public async Task A_guest_gives_a_disk_up_and_gets_all_its_frames_back()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions { RingPageOrder = 2, Queues = 2 }, Everything, async (guest, disk) =>
        {
            var buffer = disk.Allocate(256 * 1024);
            await disk.ReadAsync(0, buffer, 0, buffer.Length);
            buffer.Dispose();
            await disk.DisposeAsync();
            Expect(disk.EndReason == "the guest closed it", disk.EndReason!);
            // What the back end had mapped until now is asked for again after a second.
            while (guest.Memory.FreeFrames < World.FreeAtStart)
                await guest.Delay(TimeSpan.FromMilliseconds(100));
        });
        await world.EndAsync();
        Assert.That(await world.Disk.End.GetPeerStateAsync(), Is.EqualTo(XenbusState.Closed));
    }

    [TestCase("sectors", "many")]
    [TestCase("sectors", "99999999999999999999999")]
    [TestCase("sector-size", "7")]
    [TestCase("sector-size", "-512")]
    [TestCase("feature-max-indirect-segments", "x")]
    [TestCase("max-ring-page-order", "x")]
    public async Task Nonsense_in_the_store_ends_the_disk_with_that_reason(string node, string value)
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), new(Everything) { [node] = value }, async (guest, disk) =>
        {
            await disk.Ended;
            Expect(disk.EndReason!.Contains(value, StringComparison.Ordinal), disk.EndReason!);
        }, connects: false);
        await world.EndAsync();
    }

    [Test]
    public async Task A_guest_without_memory_makes_smaller_requests_and_loses_none_of_its_frames()
    {
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(300 * 1024);
            var content = Content(buffer.Length, seed: 9);
            buffer.CopyFrom(0, content);
            var free = guest.Memory.FreeFrames;
            try
            {
                disk.Allocate(((int)free + 1) * 4096);
                throw new InvalidOperationException("There was more memory than the guest has.");
            }
            catch (OutOfMemoryException)
            {
                Expect(guest.Memory.FreeFrames == free, $"{free - guest.Memory.FreeFrames} frames were lost");
            }
            using var all = disk.Allocate((int)free * 4096);
            await disk.WriteAsync(0, buffer, 0, buffer.Length);
            Expect(disk.Statistics is { IndirectRequests: 0, Requests: 7 }, $"{disk.Statistics.Requests} requests");
        });
        await world.EndAsync();
        Assert.That(world.Disk.Content.AsSpan(0, 300 * 1024).SequenceEqual(Content(300 * 1024, 9)));
        Assert.That(world.Disk.Seen.Max(seen => seen.Segments), Is.EqualTo(11));
    }

    [Test]
    public async Task Requests_allocate_nothing()
    {
        const int rounds = 250, windows = 40;
        var least = long.MaxValue;
        await using var world = await World.StartAsync(new BlockFrontendOptions(), Everything, async (guest, disk) =>
        {
            using var buffer = disk.Allocate(128 * 1024);
            // Code that was not compiled for good allocates here and there; requests that do, do so in every window.
            for (var window = 0; window < windows && least > 0; window++)
            {
                var (before, thread) = (GC.GetAllocatedBytesForCurrentThread(), Environment.CurrentManagedThreadId);
                for (var round = 0; round < rounds; round++)
                {
                    await disk.ReadAsync(0, buffer, 0, 4096);
                    await disk.WriteAsync(0, buffer, 0, 128 * 1024);
                }
                if (Environment.CurrentManagedThreadId == thread)
                    least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }, pcpus: 1);
        await world.EndAsync();
        Assert.That(least, Is.Zero);
    }

    private static byte[] Content(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    // In a guest: what is thrown crashes it, with that in the log.
    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }

    private static async Task RefusedAsync<T>(Func<ValueTask> request) where T : Exception
    {
        try
        {
            await request();
        }
        catch (T)
        {
            return;
        }
        throw new InvalidOperationException($"No {typeof(T).Name} came.");
    }

    /// <summary>A machine, a guest with a script, and its disk.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly TaskCompletionSource _go = new();
        private readonly ConcurrentQueue<string> _problems = new();
        private bool _gone;

        public static ulong FreeAtStart { get; private set; }

        public required LiveMachine Machine { get; init; }

        public LiveGuest Guest { get; private set; } = null!;

        public ScriptedDisk Disk { get; private set; } = null!;

        public ConcurrentQueue<BlockFrontendState> States { get; } = [];

        /// <summary>Starts a guest that runs a script on its connected disk, once it may: at once, unless the test says when.</summary>
        public static async Task<World> StartAsync(
            BlockFrontendOptions options, Dictionary<string, string> features, Func<GuestContext, BlockFrontend, Task> script, bool connects = true, int pcpus = 2)
        {
            var world = new World { Machine = new LiveMachine(pcpus) };
            world.Guest = await world.Machine.StartAsync(async guest =>
            {
                await guest.Console.ReadLineAsync();
                FreeAtStart = guest.Memory.FreeFrames;
                var disk = BlockFrontend.Open(guest, ScriptedDisk.Number, options);
                disk.Changed += changed => world.States.Enqueue(changed.State);
                if (connects)
                    await disk.Connected;
                await guest.Console.WriteLineAsync("connected.");
                await guest.Console.ReadLineAsync();
                await script(guest, disk);
            }, pages: 1024);
            world.Disk = new ScriptedDisk(world.Machine, world.Guest.Domain, features: features);
            await world.Disk.AttachAsync();
            await world.Machine.Store.WriteAsync($"/local/domain/{world.Guest.Domain.Value}/error", "");
            await world.Machine.Store.SetPermissionsAsync($"/local/domain/{world.Guest.Domain.Value}/error", new XenStorePermission(world.Guest.Domain, XenStoreAccess.None));
            await world.Disk.ServeAsync();
            await world.Guest.TypeAsync("\r");
            await world.Guest.ExpectAsync("connected.");
            return world;
        }

        /// <summary>Lets the script run.</summary>
        public void Go()
        {
            if (_gone)
                return;
            _gone = true;
            _ = Guest.TypeAsync("\r").AsTask();
        }

        public async Task UntilAsync(Func<bool> holds)
        {
            using var patience = new CancellationTokenSource(LiveMachine.Patience);
            while (!holds())
            {
                Assert.That(patience.IsCancellationRequested, Is.False, $"It did not come about. {Machine.Core.Log.Read(clear: false)}");
                await Task.Delay(1);
            }
        }

        /// <summary>Waits for the script's end.</summary>
        public async Task EndAsync()
        {
            Go();
            Assert.That(await Guest.EndAsync(), Is.EqualTo(ShutdownReason.PowerOff), Machine.Core.Log.Read(clear: false));
        }

        public async ValueTask DisposeAsync()
        {
            await Disk.DisposeAsync();
            await Machine.DisposeAsync();
        }
    }
}
