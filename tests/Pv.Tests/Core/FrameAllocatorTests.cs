using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Tests.Core;

/// <summary>The buddy allocator against a row of flags.</summary>
[TestFixture]
internal sealed class FrameAllocatorTests
{
    [TestCase(0, 256)]
    [TestCase(3, 250)]
    [TestCase(514, 1000)]
    public void Extents_are_free_aligned_and_found_when_there_is_one(int first, int frames)
    {
        var allocator = new FrameAllocator((ulong)first, (ulong)frames);
        var used = new bool[first + frames];
        Array.Fill(used, true, 0, first);
        List<(Mfn First, int Order)> held = [];
        var dice = new Dice((ulong)frames);
        for (var step = 0; step < 20_000; step++)
        {
            if (dice.OneIn(2) && held.Count > 0)
            {
                var at = dice.Below(held.Count);
                var (mfn, order) = held[at];
                held.RemoveAt(at);
                allocator.Free(mfn, order);
                Array.Fill(used, false, (int)mfn.Value, 1 << order);
            }
            else
            {
                var order = dice.Below(6);
                if (allocator.TryAllocate(order, out var mfn))
                {
                    Assert.That(mfn.Value % (1ul << order), Is.Zero);
                    Assert.That(used.AsSpan((int)mfn.Value, 1 << order).Contains(true), Is.False, "a frame was lent twice");
                    Array.Fill(used, true, (int)mfn.Value, 1 << order);
                    held.Add((mfn, order));
                }
                else
                {
                    Assert.That(HasFree(used, order), Is.False, $"step {step}: there is an extent of order {order}");
                }
            }
            Assert.That(allocator.FreeFrames, Is.EqualTo((ulong)used.Count(taken => !taken)));
        }
        foreach (var (mfn, order) in held)
            allocator.Free(mfn, order);
        Assert.That(allocator.FreeFrames, Is.EqualTo(allocator.TotalFrames));
        Assert.That(allocator.TryAllocate(5, out _), "neighbours did not join again");
    }

    [Test]
    public void A_frame_that_is_freed_twice_is_noticed()
    {
        var allocator = new FrameAllocator(1, 1);
        Assert.That(allocator.TryAllocate(0, out var mfn));
        allocator.Free(mfn, 0);
        Assert.That(() => allocator.Free(mfn, 0), Throws.InvalidOperationException);
    }

    private static bool HasFree(bool[] used, int order)
    {
        var size = 1 << order;
        for (var at = 0; at + size <= used.Length; at += size)
        {
            if (!used.AsSpan(at, size).Contains(true))
                return true;
        }
        return false;
    }
}
