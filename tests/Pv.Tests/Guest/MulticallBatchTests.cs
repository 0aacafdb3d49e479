using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Tests.Guest;

[TestFixture]
public sealed class MulticallBatchTests
{
    [Test]
    public void Each_call_of_a_batch_has_its_result_and_its_argument_back([Values] bool dom0)
    {
        using var machine = new FakeMachine();
        var results = new List<long>();
        var port = default(EventPort);
        if (dom0)
        {
            UseBatch(Hypercalls.ForDom0(machine[0]));
        }
        else
        {
            using var guest = new GuestHarness(context =>
            {
                UseBatch(context.Hypercalls);
                return Task.CompletedTask;
            });
            guest.Run();
        }
        Assert.That(results, Is.EqualTo(new[] { 0x40011L, 0, -(long)Errno.ENOSYS }));
        Assert.That(port.Value, Is.Not.Zero);

        void UseBatch(Hypercalls hypercalls)
        {
            using var batch = hypercalls.Batch();
            batch.Add(HypercallNumber.XenVersion);
            var alloc = batch.AddWithArgument(
                HypercallNumber.EventChannelOp,
                (ulong)EventChannelOperation.AllocUnbound,
                new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = new DomId(1) });
            batch.Add(HypercallNumber.Iret);
            Assert.That(batch.Submit(), Is.EqualTo(Errno.None));
            results.AddRange(Enumerable.Range(0, batch.Count).Select(batch.Result));
            port = batch.Argument<EventChannelAllocUnbound>(alloc).Port;
        }
    }

    [Test]
    public void A_full_batch_takes_no_more_until_it_is_cleared()
    {
        using var machine = new FakeMachine();
        using var batch = Hypercalls.ForDom0(machine[0]).Batch();
        for (var i = 0; i < MulticallBatch.Capacity; i++)
            batch.Add(HypercallNumber.XenVersion);
        Assert.That(batch.HasRoom(), Is.False);
        Assert.That(() => batch.Add(HypercallNumber.XenVersion), Throws.InvalidOperationException);
        batch.Clear();
        Assert.That(batch.HasRoom(), Is.True);
    }

    [Test]
    public void Calls_and_batches_allocate_nothing()
    {
        long allocated = -1;
        using var guest = new GuestHarness(context =>
        {
            using var batch = context.Hypercalls.Batch();
            Round();
            Round();
            var before = GC.GetAllocatedBytesForCurrentThread();
            Round();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            return Task.CompletedTask;

            void Round()
            {
                for (var i = 0; i < 10; i++)
                    context.Hypercalls.Send(new EventPort(1));
                batch.Clear();
                batch.Add(HypercallNumber.XenVersion);
                batch.Submit();
                batch.Result(0);
            }
        });
        guest.Machine.Calls.Capacity = 1000;
        guest.Run();
        Assert.That(allocated, Is.Zero);
    }
}
