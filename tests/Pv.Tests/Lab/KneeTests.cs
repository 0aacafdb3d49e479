using NUnit.Framework;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Tests.Lab;

/// <summary>Where a curve stops paying, on curves whose answer is known.</summary>
[TestFixture]
public sealed class KneeTests
{
    private static readonly int[] Sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    // a + b/n is within a tenth of a, and of what 1024 gives, from b/n = a/10 on: 30, 60, 5.
    [TestCase(100, 300, 32)]
    [TestCase(100, 600, 64)]
    [TestCase(20, 10, 4)]
    [TestCase(100, 0, 1)]
    public void A_fixed_cost_that_is_shared_has_its_knee_where_the_share_is_a_tenth(double each, double shared, int knee)
    {
        var found = Knee.Of(Curve(batch => each + (shared / batch), noise: 0), seed: 1);

        Assert.That((found.Batch, found.Low, found.High), Is.EqualTo((knee, knee, knee)));
    }

    [Test]
    public void Noise_moves_it_little_and_the_same_seed_finds_the_same()
    {
        var curve = Curve(batch => 100 + (400 / (double)batch), noise: 0.2);

        var found = Knee.Of(curve, seed: 7);

        Assert.That(found.Batch, Is.EqualTo(64).Or.EqualTo(32));
        Assert.That(found.Low, Is.LessThanOrEqualTo(found.Batch).And.GreaterThanOrEqualTo(16));
        Assert.That(found.High, Is.GreaterThanOrEqualTo(found.Batch).And.LessThanOrEqualTo(128));
        Assert.That(Knee.Of(curve, seed: 7), Is.EqualTo(found));
    }

    [TestCase(256, 2.0)]
    [TestCase(128, 0.5)]
    [TestCase(1024, 0.5)]
    [TestCase(1024, 2.0)]
    public void One_size_that_is_out_of_line_moves_it_by_one_size_at_most(int size, double factor)
    {
        var curve = Curve(batch => 100 + (600 / (double)batch), noise: 0);
        var straight = Knee.Of(curve, 1).Batch;
        var place = Array.IndexOf(Sizes, size);
        curve[place] = (size, new Sample([.. curve[place].Times.Times.Select(time => time * factor)], 3));

        Assert.That(Knee.Of(curve, 1).Batch, Is.InRange(straight / 2, straight * 2));
    }

    [Test]
    public void A_curve_of_two_costs_is_taken_apart_into_them()
    {
        double[] times = [.. Sizes.Select(batch => 60 + (240 / (double)batch))];
        var cost = SharedCost.Fit(Sizes, times);

        Assert.That((cost.Each, cost.Shared), Is.EqualTo((60.0, 240.0)).Within(1e-6));
        Assert.That(cost.BatchWithin(0.1), Is.EqualTo(40).Within(1e-6));
        Assert.That(cost.TimeOf(8), Is.EqualTo(90).Within(1e-6));
        // Two that are far out of line have no say.
        (times[2], times[9]) = (times[2] * 3, times[9] / 4);
        Assert.That(SharedCost.Fit(Sizes, times), Is.EqualTo(cost));
        // Where larger batches cost more nothing is shared.
        var rising = SharedCost.Fit(Sizes, [.. Sizes.Select(batch => 100 + (double)batch)]);
        Assert.That(rising.Shared, Is.LessThan(rising.Each / 10));
    }

    [Test]
    public void What_varies_more_is_said_to_be_open()
    {
        Assert.That(Knee.Of(Curve(batch => 100 + (400 / (double)batch), noise: 0.01), 1).IsOpen, Is.False);
        var random = new Random(5);
        (int, Sample)[] wild = [.. Sizes.Select(batch => (batch, new Sample([.. Enumerable.Range(0, 30).Select(_ => (100 + (400 / (double)batch)) * Math.Exp(2 * random.NextDouble()))], Processes: 3)))];
        Assert.That(Knee.Of(wild, 1).IsOpen);
    }

    [Test]
    public void Quantiles_lie_between_neighbours()
    {
        Assert.That(new Sample([3, 1, 2], 1).Time, Is.EqualTo(2));
        Assert.That(new Sample([4, 1, 2, 3], 1).Time, Is.EqualTo(2.5));
        Assert.That(new Sample([1, 1, 1, 9, 9, 9, 5, 5, 5], 3).Time, Is.EqualTo(5), "of the processes' medians");
        Assert.That(new Sample([1, 7, 8, 2, 9, 9, 5, 5, 6], 3, Share: 0).Time, Is.EqualTo(2), "of the processes' least rounds");
        Assert.That(Sample.Quantile([0, 10], 0.9), Is.EqualTo(9));
        Assert.That(Sample.Quantile([], 0.5), Is.NaN);
    }

    private static (int Batch, Sample Times)[] Curve(Func<int, double> time, double noise)
    {
        var random = new Random(3);
        return [.. Sizes.Select(batch => (batch, new Sample([.. Enumerable.Range(0, 30).Select(_ => time(batch) * (1 + (noise * random.NextDouble())))], Processes: 3)))];
    }
}
