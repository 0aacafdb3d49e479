using Pv.Abi;
using Pv.Toolstack.Commands;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>How a guest's calls enter the hypervisor under some rules.</summary>
/// <param name="Rules">Their name.</param>
/// <param name="Entries">How often it is entered.</param>
/// <param name="Kinds">The same by kinds of calls.</param>
/// <param name="Batches">How many batches there are of each number of calls; those of one are calls alone.</param>
/// <param name="Lengths">The same by the number of entries: neighbouring lists of one kind have become one.</param>
/// <param name="Shapes">The kinds of calls that now enter together and did not before, how often, and how many entries that saves; most first.</param>
public sealed record ReplayCounts(
    string Rules, long Entries, IReadOnlyDictionary<HypercallNumber, KindCounts> Kinds, IReadOnlyDictionary<int, long> Batches, IReadOnlyDictionary<int, long> Lengths,
    IReadOnlyList<(string Shape, long Count, long Saved)> Shapes)
{
    /// <summary>Calls of all kinds.</summary>
    public KindCounts All { get; } = Kinds.Values.Aggregate(default(KindCounts), (sum, kind) => sum.Plus(kind));

    private const int ShapesKept = 6, KindsInAShape = 4;

    /// <summary>As the guest did it, under Linux's rules, and under perfect ones.</summary>
    public static IReadOnlyList<ReplayCounts> Of(IReadOnlyList<ReplayCall> calls)
        => [Count(calls, () => new TracedRules()), Count(calls, () => new LinuxRules()), Count(calls, () => new PerfectRules())];

    private static ReplayCounts Count(IReadOnlyList<ReplayCall> calls, Func<IReplayRules> rules)
    {
        var kinds = new Dictionary<HypercallNumber, KindCounts>();
        var (batches, lengths) = (new Dictionary<int, long>(), new Dictionary<int, long>());
        var named = rules();
        var shapes = new Dictionary<string, (long Count, long Saved)>();
        foreach (var group in Groups(calls, rules))
        {
            batches[group.Count] = batches.GetValueOrDefault(group.Count) + 1;
            var length = named.JoinsLists ? Length(group) : group.Count;
            lengths[length] = lengths.GetValueOrDefault(length) + 1;
            foreach (var (place, call) in group.Index())
                kinds[call.Number] = kinds.GetValueOrDefault(call.Number).Plus(isAlone: group.Count == 1, isFirst: place == 0);
            if (group.Count(call => call.Begins) - 1 is > 0 and var saved)
            {
                var (count, all) = shapes.GetValueOrDefault(Shape(group));
                shapes[Shape(group)] = (count + 1, all + saved);
            }
        }
        return new ReplayCounts(
            named.Name, batches.Values.Sum(), kinds, batches, lengths,
            [
                .. shapes.OrderByDescending(shape => shape.Value.Saved).ThenBy(shape => shape.Key, StringComparer.Ordinal).Take(ShapesKept)
                    .Select(shape => (shape.Key, shape.Value.Count, shape.Value.Saved)),
            ]);
    }

    /// <summary>The calls that enter together, processor by processor.</summary>
    private static IEnumerable<List<SingleCall>> Groups(IReadOnlyList<ReplayCall> calls, Func<IReplayRules> make)
    {
        var processors = new Dictionary<ulong, (IReplayRules Rules, List<SingleCall> Group)>();
        foreach (var call in calls)
        {
            var (rules, group) = processors.TryGetValue(call.Processor, out var known) ? known : (make(), []);
            foreach (var single in Singles(call))
            {
                if (!rules.TryJoin(single) && group.Count > 0)
                {
                    yield return group;
                    group = [];
                }
                group.Add(single);
            }
            processors[call.Processor] = (rules, group);
        }
        foreach (var (_, group) in processors.Values)
            yield return group;
    }

    /// <summary>A multicall is the calls in it; one of which no entry was seen stands for itself.</summary>
    private static IEnumerable<SingleCall> Singles(ReplayCall call)
        => call.Entries.Count == 0 ? [new SingleCall(call.Registers, Begins: true)] : call.Entries.Select((entry, i) => new SingleCall(entry, Begins: i == 0));

    private static int Length(List<SingleCall> group)
    {
        var length = 1;
        for (var i = 1; i < group.Count; i++)
        {
            var (before, call) = (group[i - 1].Registers, group[i].Registers);
            var isOneList = call.Number == before.Number && (group[i].Number is HypercallNumber.MmuUpdate or HypercallNumber.MmuExtOp || (group[i].Number is HypercallNumber.GrantTableOp && call.First == before.First));
            length += isOneList ? 0 : 1;
        }
        return length;
    }

    private static string Shape(List<SingleCall> group)
    {
        var kinds = group.Select(call => TraceText.Name(call.Registers.Number)).Distinct().ToArray();
        return string.Join(" + ", kinds.Take(KindsInAShape)) + (kinds.Length > KindsInAShape ? " + .." : "");
    }
}
