using System.Text;
using NUnit.Framework;

namespace Pv.Tests.Core;

/// <summary>
/// The frame table against a model, after each of many random steps of two hostile guests; and what is left of them when they end.
/// </summary>
[TestFixture]
internal sealed class RandomPagingTests
{
    private const int StepsOfARun = 2000;

    private static readonly int Runs = TestAmount.IsFull ? 1000 : 60;

    /// <summary>What must have happened among so many steps, or they tested less than they seem to.</summary>
    private static readonly string[] Needed =
    [
        "MmuUpdate done", "MmuUpdate refused", "MmuUpdate done after a stop", "UpdateVaMapping done", "UpdateVaMapping refused",
        "PinL1Table done", "PinL2Table done", "PinL3Table done", "PinL4Table done", "PinL4Table refused", "PinL2Table done after a stop",
        "UnpinTable done", "UnpinTable refused", "ClearPage done", "CopyPage done", "SetGdt done", "SetGdt refused", "UpdateDescriptor done",
        "MemoryOp done", "GrantTableOp done", "SetLdt done", "VcpuOp done", "VcpuOp refused", "PinAgain done", "PinAgain done after a stop", "mapped", "unmapped", "given up",
    ];

    [Test]
    public void Random_updates_keep_the_frame_table_right_and_leave_nothing()
    {
        Dictionary<string, int> outcomes = [];
        var given = Environment.GetEnvironmentVariable("PV_SEED");
        var first = given is null ? 1ul : ulong.Parse(given, System.Globalization.CultureInfo.InvariantCulture);
        for (var seed = first; seed < first + (ulong)(given is null ? Runs : 1); seed++)
        {
            var steps = Enumerable.Range(0, StepsOfARun).ToList();
            if (Run(seed, steps, null, outcomes) is { } failure)
                Assert.Fail(Report(seed, steps, failure));
        }
        foreach (var (outcome, count) in outcomes.OrderBy(pair => pair.Key))
            TestContext.Out.WriteLine($"{count,8} {outcome}");
        Assert.That(Needed.Where(outcome => !outcomes.ContainsKey(outcome)), Is.Empty, "what never happened");
    }

    /// <summary>Runs the steps on a fresh machine; the first failure, with the number of steps that led to it.</summary>
    private static (int Steps, string What)? Run(ulong seed, List<int> steps, StringBuilder? told, Dictionary<string, int> outcomes)
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
        foreach (var (outcome, count) in work.Outcomes)
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + count;
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
                if (Run(seed, fewer, null, []) is { } same)
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
        Run(seed, steps, told, []);
        return $"seed {seed}: {failure.What}\n{told}";
    }
}
