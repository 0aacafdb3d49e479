using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class SharedRingTests
{
    private MachineMemory _memory = null!;

    [SetUp]
    public void SetUp() => _memory = new MachineMemory(2);

    [TearDown]
    public void TearDown() => _memory.Dispose();

    // As many as __RING_SIZE gives: what fits behind the header, rounded down to a power of two.
    [TestCase(1, ExpectedResult = 128)]
    [TestCase(2, ExpectedResult = 256)]
    public int The_size_is_a_power_of_two(int pages) => new FrontRing<Request, Response>(Pages(pages)).Size;

    [Test]
    public void Requests_and_responses_pass_in_order([Values(1, 2)] int pages)
    {
        var front = new FrontRing<Request, Response>(Pages(pages));
        var back = new BackRing<Request, Response>(Pages(pages));
        ulong asked = 0, taken = 0, answered = 0;
        for (var round = 0; round < 1000; round++)
        {
            while (front.TryPut(new Request(asked, ~asked, 0)))
                asked++;
            front.Publish();
            for (var i = 0; i < 37 && back.TryTake(out var request) == RingResult.Done; i++)
            {
                Assert.That(request, Is.EqualTo(new Request(taken, ~taken, 0)));
                back.Put(new Response(taken++));
            }
            back.Publish();
            while (front.TryTake(out var response) == RingResult.Done)
                Assert.That(response.Id, Is.EqualTo(answered++));
        }
        Assert.That(answered, Is.EqualTo(taken));
        Assert.That(answered, Is.GreaterThan(30_000UL));
    }

    [Test]
    public void A_notification_is_asked_for_only_by_who_went_to_sleep()
    {
        var front = new FrontRing<Request, Response>(Pages(1));
        var back = new BackRing<Request, Response>(Pages(1));
        front.TryPut(default);
        Assert.That(front.Publish(), Is.True, "the back end sleeps at first");
        front.TryPut(default);
        Assert.That(front.Publish(), Is.False, "it is awake");
        back.TryTake(out _);
        Assert.That(back.FinalCheck(), Is.True, "there is one more");
        back.TryTake(out _);
        Assert.That(back.FinalCheck(), Is.False);
        front.TryPut(default);
        Assert.That(front.Publish(), Is.True, "it sleeps again");
    }

    [Test]
    public void More_requests_than_the_ring_holds_are_corruption()
    {
        var pages = Pages(1);
        var front = new FrontRing<Request, Response>(pages);
        var back = new BackRing<Request, Response>(pages);
        front.TryPut(default);
        front.Publish();
        back.TryTake(out _);
        // One is outstanding, so its entry is not free yet.
        pages[0].WriteUInt32Release(0, 1 + 128);
        Assert.That(back.TryTake(out _), Is.EqualTo(RingResult.Corrupt));
        Assert.That(back.Corruption, Does.Contain("published 128 requests"));
    }

    [Test]
    public void A_response_that_nobody_asked_for_is_corruption()
    {
        var pages = Pages(1);
        var front = new FrontRing<Request, Response>(pages);
        Assert.That(front.TryTake(out _), Is.EqualTo(RingResult.Wait));
        pages[0].WriteUInt32Release(8, 1);
        Assert.That(front.TryTake(out _), Is.EqualTo(RingResult.Corrupt));
        Assert.That(front.Corruption, Does.Contain("1 responses to 0 requests"));
    }

    private SharedPage[] Pages(int count) => [.. Enumerable.Range(0, count).Select(page => new SharedPage(_memory, new Mfn((ulong)page)))];

    // 24 bytes: entries straddle the two pages' border.
    private readonly record struct Request(ulong Id, ulong Check, ulong Fill);

    private readonly record struct Response(ulong Id);
}
