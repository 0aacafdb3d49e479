using System.Runtime.InteropServices;
using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.Backends;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-155, XSA-216, XSA-365, XSA-371. A back end judges a request in the shared ring and acts on it as it is later; answers with what was on its stack;
/// or keeps pages of requests that failed.
/// </summary>
[TestFixture]
internal sealed class BlockRequestReread
{
    private const int FirstEntry = 64, EntryBytes = 112;

    private BlockMachine _machine = null!;
    private MemoryStorage _disk = null!;

    [SetUp]
    public async Task CreateAsync()
    {
        _disk = new MemoryStorage(2048);
        _machine = await BlockMachine.StartAsync(("disk", _disk));
    }

    [TearDown]
    public async Task DisposeAsync() => await _machine.DisposeAsync();

    [Test]
    public Task What_changes_in_the_ring_after_it_was_taken_changes_nothing() => ConnectedAsync(async front =>
    {
        var (page, list) = (front.NewPage().Fill(1), front.NewPage());
        _disk.HoldsBack = true;
        var direct = front.Put(BlockOperation.Write, 8, page.Part(0, 0));
        var indirect = front.PutIndirect(BlockOperation.Write, 16, [page.Part(1, 1), page.Part(2, 2)], list);
        front.Push();
        Assert.That(SpinWait.SpinUntil(() => _disk.HeldCount == 2, TimeSpan.FromMinutes(1)));
        // Other sectors, other grants, other lengths, far away.
        front.RingPage.CopyFrom(FirstEntry, [.. Enumerable.Repeat((byte)0xff, 2 * EntryBytes)]);
        list.Page.CopyFrom(0, [.. Enumerable.Repeat((byte)0xff, 4096)]);
        _disk.HoldsBack = false;
        _disk.Release();
        foreach (var id in new[] { direct, indirect })
            Assert.That(await front.AnswerAsync(id), Is.EqualTo(BlockStatus.Okay));
        Assert.That(_disk.Journal, Is.EqualTo(new[] { "Write 4096+512", "Write 8192+1024" }));
        Assert.That(_disk.Bytes[4096..4608], Is.EqualTo(page.Bytes[..512]));
        Assert.That(_disk.Bytes[8192..9216], Is.EqualTo(page.Bytes[512..1536]));
        Assert.That(_disk.Bytes[..4096].Concat(_disk.Bytes[9216..]), Has.All.Zero);
    });

    [Test]
    public Task An_answer_has_nothing_in_its_gaps() => ConnectedAsync(async front =>
    {
        var page = front.NewPage();
        for (var i = 0; i < 32; i++)
            await front.DoAsync(i % 2 == 0 ? BlockOperation.Read : BlockOperation.Write, (ulong)i, page.Whole);
        Assert.That(await front.DoAsync((BlockOperation)77, 0, page.Whole), Is.EqualTo(BlockStatus.NotSupported));
        var entry = new byte[BlockResponse.WireSize];
        for (var i = 0; i < 32; i++)
        {
            front.RingPage.CopyTo(FirstEntry + i * EntryBytes, entry);
            var response = MemoryMarshal.Read<BlockResponse>(entry);
            Assert.That(entry, Is.EqualTo(MemoryMarshal.AsBytes<BlockResponse>(
                [new BlockResponse { Id = response.Id, Operation = response.Operation, Status = response.Status }]).ToArray()), $"{i}");
        }
    });

    [Test]
    public Task A_request_that_fails_gives_back_the_pages_that_were_good() => ConnectedAsync(async front =>
    {
        var dom0 = _machine.Machine.Core.Domains.Find(DomId.Dom0)!;
        var page = front.NewPage();
        await front.DoAsync(BlockOperation.Read, 0, page.Whole);
        var guest = _machine.Machine.Core.Domains.Snapshot().Single(domain => domain.Id != DomId.Dom0);
        var used = guest.Grants.ListUsed().Count;
        for (var i = 0; i < 20; i++)
        {
            Assert.That(await front.DoAsync(BlockOperation.Write, 0, page.Whole, new BlockSegment { GrantRef = new GrantRef(501), LastSector = 7 }), Is.EqualTo(BlockStatus.Error));
            Assert.That(await front.DoAsync(BlockOperation.Read, ulong.MaxValue, page.Whole), Is.EqualTo(BlockStatus.Error));
        }
        Assert.That(guest.Grants.ListUsed(), Has.Count.EqualTo(used));
        Assert.That(dom0.Shutdown, Is.Null);
    });

    private Task ConnectedAsync(Func<TestFront, Task> body) => _machine.RunAsync("disk", async guest =>
    {
        var front = new TestFront(guest);
        await front.ConnectAsync();
        await body(front);
    });
}
