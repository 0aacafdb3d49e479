using NUnit.Framework;
using Pv.Backends.Block;
using Pv.Frontends;

namespace Pv.Tests.Backends;

/// <summary>The block front end of C# guests and the block back end, with each other.</summary>
[TestFixture]
public sealed class BothEndsTests
{
    private const int Sectors = 8192, DiskBytes = Sectors * 512;

    [Test]
    public async Task A_back_end_that_is_replaced_again_and_again_loses_no_request([Values] PersistentGrants persistent, [Values(1, 2)] int queues)
    {
        const int restarts = 8, writers = 6, slice = 128 * 1024;
        var storage = new MemoryStorage(Sectors);
        await using var machine = new BlockMachine { PersistentGrants = persistent };
        machine.Media["disk"] = storage;
        await machine.StartBackendAsync();
        var (isEnding, rounds, errors) = (false, 0, 0);
        var expected = new byte[DiskBytes];
        var guest = machine.RunAsync("disk", async context =>
        {
            var disk = BlockFrontend.Open(context, (int)BlockMachine.Disk, new BlockFrontendOptions { Queues = queues, Segments = 20 });
            await disk.Connected;
            await Task.WhenAll(Enumerable.Range(0, writers).Select(WriteAsync));
            await disk.FlushAsync();
            await disk.DisposeAsync();

            // Each has a part of the disk of its own, and writes and reads it back, larger than a request and a ring's entry.
            async Task WriteAsync(int writer)
            {
                using var buffer = disk.Allocate(slice);
                var (content, back) = (new byte[slice], new byte[slice]);
                for (var round = 0; !Volatile.Read(ref isEnding); round++)
                {
                    new Random((writer * 1000) + round).NextBytes(content);
                    buffer.CopyFrom(0, content);
                    await disk.WriteAsync((ulong)(writer * slice / 512), buffer, 0, slice);
                    content.CopyTo(expected.AsSpan(writer * slice));
                    buffer.CopyFrom(0, new byte[slice]);
                    await disk.ReadAsync((ulong)(writer * slice / 512), buffer, 0, slice);
                    buffer.CopyTo(0, back);
                    if (!back.AsSpan().SequenceEqual(content))
                        errors++;
                    rounds++;
                }
            }
        }, pages: 1024);
        for (var restart = 0; restart < restarts; restart++)
        {
            var before = Volatile.Read(ref rounds);
            // One round of each writer may be what the back end before this one had answered.
            while (Volatile.Read(ref rounds) <= before + writers && !guest.IsCompleted)
                await Task.Delay(1);
            await machine.RestartBackendAsync();
        }
        Volatile.Write(ref isEnding, true);
        await guest;
        Assert.That(errors, Is.Zero, "what was read back is what was written");
        Assert.That(storage.Bytes.AsSpan(0, writers * slice).SequenceEqual(expected.AsSpan(0, writers * slice)), Is.True);
        Assert.That(machine.Log.Count(line => line.Contains("connected, ")), Is.EqualTo(restarts + 1));
    }

    [Test]
    public async Task What_a_back_end_answered_nothing_of_is_done_by_the_next()
    {
        var storage = new MemoryStorage(Sectors) { HoldsBack = true };
        await using var machine = await BlockMachine.StartAsync(("disk", storage));
        var guest = machine.RunAsync("disk", async context =>
        {
            var disk = BlockFrontend.Open(context, (int)BlockMachine.Disk, new BlockFrontendOptions { RingPageOrder = 0 });
            await disk.Connected;
            using var buffer = disk.Allocate(100 * 4096);
            buffer.CopyFrom(0, Content(buffer.Length));
            // More than the ring holds: some are with the back end, and some wait for room.
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => disk.WriteAsync((ulong)i * 8, buffer, i * 4096, 4096).AsTask()));
        }, pages: 512);
        while (storage.HeldCount < 32 && !guest.IsCompleted)
            await Task.Delay(1);
        Assert.That(guest.IsCompleted, Is.False);
        // It ends when what it took is answered; nothing more is taken meanwhile.
        var ended = machine.RestartBackendAsync();
        await Task.Delay(30);
        Assert.That((ended.IsCompleted, storage.HeldCount), Is.EqualTo((false, 32)));
        storage.Release();
        await ended;
        await guest;
        Assert.That(storage.Bytes.AsSpan(0, 100 * 4096).SequenceEqual(Content(100 * 4096)), Is.True);
    }

    [Test]
    public async Task Memory_that_a_disk_no_longer_needs_is_the_guests_again([Values] PersistentGrants persistent)
    {
        await using var machine = new BlockMachine { PersistentGrants = persistent };
        machine.Media["disk"] = new MemoryStorage(Sectors);
        await machine.StartBackendAsync();
        await machine.RunAsync("disk", async context =>
        {
            var free = context.Memory.FreeFrames;
            var disk = BlockFrontend.Open(context, (int)BlockMachine.Disk);
            await disk.Connected;
            for (var round = 0; round < 50; round++)
            {
                // Most of what the guest has: it is there again only if the buffer before it left it.
                using var buffer = disk.Allocate(300 * 4096);
                var bytes = new byte[4096];
                buffer.CopyTo(150 * 4096, bytes);
                Assert.That(bytes, Is.All.Zero, "what another buffer held is not shown");
                new Random(round).NextBytes(bytes);
                buffer.CopyFrom(150 * 4096, bytes);
                await disk.WriteAsync(0, buffer, 0, buffer.Length);
            }
            await disk.DisposeAsync();
            while (context.Memory.FreeFrames < free)
                await context.Delay(TimeSpan.FromMilliseconds(50));
        }, pages: 512);
    }

    private static byte[] Content(int length)
    {
        var bytes = new byte[length];
        new Random(3).NextBytes(bytes);
        return bytes;
    }
}
