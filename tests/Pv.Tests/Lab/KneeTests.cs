using NUnit.Framework;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Tests.Lab;

/// <summary>Where a curve stops paying, on curves whose answer is known.</summary>
[TestFixture]
public sealed class KneeTests
{
    private static readonly int[] Sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    // a + b/n is within a tenth of a, and of what 1024 gives, from b/n = a/10 on.
    [TestCase(100, 300, 32)]
    [TestCase(100, 600, 64)]
    [TestCase(20, 10, 8)]
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
    public void The_falling_curve_never_rises_and_leaves_one_that_falls_as_it_is()
    {
        Assert.That(Knee.Fall([400, 200, 100]), Is.EqualTo((double[])[400, 200, 100]).Within(1e-9));
        Assert.That(Knee.Fall([100, 400]), Is.EqualTo((double[])[200, 200]).Within(1e-9), "the mean of the logarithms");
        Assert.That(Knee.Fall([400, 100, 300, 100, 100]), Is.EqualTo((double[])[400, 300, 100, 100, 100]).Within(1e-9), "the median of three");
        Assert.That(Knee.Fall([900, 100, 400, 50, 50]), Is.Ordered.Descending);
        Assert.That(Knee.Place([400, 200, 109, 105, 100]), Is.EqualTo(2));
    }

    [Test]
    public void Quantiles_lie_between_neighbours()
    {
        Assert.That(new Sample([3, 1, 2], 1).Median, Is.EqualTo(2));
        Assert.That(new Sample([4, 1, 2, 3], 1).Median, Is.EqualTo(2.5));
        Assert.That(new Sample([1, 1, 1, 9, 9, 9, 5, 5, 5], 3).Median, Is.EqualTo(5), "of the processes' medians");
        Assert.That(Sample.Quantile([0, 10], 0.9), Is.EqualTo(9));
        Assert.That(Sample.Quantile([], 0.5), Is.NaN);
    }

    private static (int Batch, Sample Times)[] Curve(Func<int, double> time, double noise)
    {
        var random = new Random(3);
        return [.. Sizes.Select(batch => (batch, new Sample([.. Enumerable.Range(0, 30).Select(_ => time(batch) * (1 + (noise * random.NextDouble())))], Processes: 3)))];
    }
}
