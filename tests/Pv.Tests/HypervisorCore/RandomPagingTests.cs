using System.Text;
using NUnit.Framework;

namespace Pv.Tests.HypervisorCore;

/// <summary>
/// The frame table against a model, after each of many random steps of two hostile guests; and what is left of them when they end.
/// </summary>
[TestFixture]
internal sealed class RandomPagingTests
{
    private const int StepsOfARun = 2000;

    private static readonly bool IsFull = Environment.GetEnvironmentVariable("PV_TESTS") == "full";

    private static readonly int Runs = IsFull ? 1000 : 60;

    [Test]
    public void Random_updates_keep_the_frame_table_right_and_leave_nothing()
    {
        var given = Environment.GetEnvironmentVariable("PV_SEED");
        var first = given is null ? 1ul : ulong.Parse(given, System.Globalization.CultureInfo.InvariantCulture);
        for (var seed = first; seed < first + (ulong)(given is null ? Runs : 1); seed++)
        {
            var steps = Enumerable.Range(0, StepsOfARun).ToList();
            if (Run(seed, steps, null) is { } failure)
                Assert.Fail(Report(seed, steps, failure));
        }
        Assert.Pass();
    }

    /// <summary>Runs the steps on a fresh machine; the first failure, with the number of steps that led to it.</summary>
    private static (int Steps, string What)? Run(ulong seed, List<int> steps, StringBuilder? told)
    {
        using var work = new PagingSteps();
        for (var i = 0; i < steps.Count; i++)
        {
            string? wrong;
            try
            {
                wrong = work.Step(seed, steps[i]);
            }
            catch (Exception failure)
            {
                wrong = failure.ToString();
            }
            told?.AppendLine($"{steps[i],5}: {work.Last}");
            if (wrong is not null)
                return (i + 1, wrong);
        }
        return work.End(seed) is { } left ? (steps.Count, left) : null;
    }

    /// <summary>Leaves out what is not needed for a failure: halves first, then single steps.</summary>
    private static string Report(ulong seed, List<int> steps, (int Steps, string What) failure)
    {
        steps = steps.GetRange(0, failure.Steps);
        for (var size = steps.Count / 2; size >= 1; size /= 2)
        {
            for (var at = 0; at + size <= steps.Count;)
            {
                List<int> fewer = [.. steps.Take(at), .. steps.Skip(at + size)];
                if (Run(seed, fewer, null) is { } same)
                {
                    (steps, failure) = (fewer.GetRange(0, same.Steps), same);
                }
                else
                {
                    at += size;
                }
            }
        }
        var told = new StringBuilder();
        Run(seed, steps, told);
        return $"seed {seed}: {failure.What}\n{told}";
    }
}
