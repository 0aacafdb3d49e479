using NUnit.Framework;
using Pv.Abi;
using Pv.Backends.Block;
using Pv.Guest;

namespace Pv.Tests.Backends;

/// <summary>Grants that a front end uses for ever stay mapped, where both ends say so, and until the back end lets go.</summary>
[TestFixture]
public sealed class PersistentGrantTests
{
    [TestCase(PersistentGrants.WhereTheyWin, "1", true)]
    [TestCase(PersistentGrants.WhereTheyWin, "0", false)]
    [TestCase(PersistentGrants.WhereTheyWin, null, false)]
    [TestCase(PersistentGrants.Always, "1", true)]
    [TestCase(PersistentGrants.Never, "1", false)]
    public async Task A_page_stays_mapped_where_both_ends_say_so(PersistentGrants offered, string? asked, bool stays)
    {
        var storage = new MemoryStorage(2048);
        await using var machine = await StartAsync(offered, storage);
        await machine.RunAsync("disk", async guest =>
        {
            var front = await ConnectAsync(guest, asked);
            Assert.That(await front.BackAsync("feature-persistent"), Is.EqualTo(offered == PersistentGrants.Never ? "0" : "1"));
            var page = front.NewPage();
            for (var i = 1; i < 5; i++)
            {
                // What is mapped is the frame itself: it is written and read anew each time.
                page.Fill(i);
                Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
                Assert.That(storage.Bytes[..4096], Is.EqualTo(page.Bytes));
                storage.Bytes[0]++;
                Assert.That(await front.DoAsync(BlockOperation.Read, 0, page.Whole), Is.EqualTo(BlockStatus.Okay));
                Assert.That(page.Bytes, Is.EqualTo(storage.Bytes[..4096]));
            }
            Assert.That(guest.Grants.TryEnd(page.Grant), Is.EqualTo(!stays));
        });
    }

    [Test]
    public async Task What_stayed_mapped_is_given_back_when_the_disk_is_closed()
    {
        await using var machine = await StartAsync(PersistentGrants.Always, new MemoryStorage(2048));
        await machine.RunAsync("disk", async guest =>
        {
            var front = await ConnectAsync(guest, "1");
            var pages = Enumerable.Range(0, 8).Select(_ => front.NewPage()).ToArray();
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, [.. pages.Select(page => page.Whole)]), Is.EqualTo(BlockStatus.Okay));
            // One page, several times in a request: one of the maps stays, the others do not.
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, pages[0].Part(0, 3), pages[0].Part(4, 7), pages[1].Whole), Is.EqualTo(BlockStatus.Okay));
            var twice = front.NewPage();
            Assert.That(await front.DoAsync(BlockOperation.Read, 0, twice.Part(0, 3), twice.Part(4, 7)), Is.EqualTo(BlockStatus.Okay));
            await front.End.TrySwitchAsync(XenbusState.Closing);
            await front.End.WaitForPeerAsync(XenbusState.Closing);
            await front.End.TrySwitchAsync(XenbusState.Closed);
            await front.End.WaitForPeerAsync(XenbusState.Closed);
            foreach (var page in pages.Append(twice))
                Assert.That(guest.Grants.TryEnd(page.Grant), Is.True);
        });
    }

    [Test]
    public async Task A_page_that_may_not_be_written_is_no_persistent_grant()
    {
        await using var machine = await StartAsync(PersistentGrants.Always, new MemoryStorage(2048));
        await machine.RunAsync("disk", async guest =>
        {
            var front = await ConnectAsync(guest, "1");
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, front.NewPage(readOnly: true).Whole), Is.EqualTo(BlockStatus.Error));
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, front.NewPage().Whole), Is.EqualTo(BlockStatus.Okay));
        });
    }

    [Test]
    public async Task A_window_keeps_no_more_than_it_may()
    {
        await using var machine = await BlockMachine.StartAsync();
        await machine.RunAsync(null, guest =>
        {
            var grants = Enumerable.Range(0, 3).Select(_ => guest.Grants.Grant(DomId.Dom0, guest.Memory.Allocate())).ToArray();
            using var window = new GrantWindow(machine.Machine.Dom0, guest.Domain, keeps: 2);
            for (var round = 0; round < 3; round++)
            {
                var places = grants.Select(grant => window.Want(grant, readOnly: false)).ToArray();
                window.Map();
                var views = new List<GrantView>();
                foreach (var place in places)
                {
                    Assert.That(window.TryGet(place, out var view), Is.True);
                    views.Add(view);
                }
                window.Clear();
                Assert.That(window.Mapped, Is.EqualTo(1));
                foreach (var view in views)
                    window.Drop(view);
                window.Unmap();
                Assert.That(window.Mapped, Is.Zero);
            }
            Assert.That(guest.Grants.TryEnd(grants[0]), Is.False);
            Assert.That(guest.Grants.TryEnd(grants[2]), Is.True);
            window.Forget();
            Assert.That(guest.Grants.TryEnd(grants[0]) && guest.Grants.TryEnd(grants[1]), Is.True);
            return Task.CompletedTask;
        });
    }

    private static async Task<BlockMachine> StartAsync(PersistentGrants offered, MemoryStorage storage)
    {
        var machine = new BlockMachine { PersistentGrants = offered };
        machine.Media["disk"] = storage;
        await machine.StartBackendAsync();
        return machine;
    }

    private static async Task<TestFront> ConnectAsync(GuestContext guest, string? asked)
    {
        var front = new TestFront(guest);
        if (asked is not null)
            await front.End.WriteAsync("feature-persistent", asked);
        await front.ConnectAsync();
        return front;
    }
}
