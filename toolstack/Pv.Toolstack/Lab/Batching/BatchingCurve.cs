using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>One call on one engine: what it costs alone, and how each way's time falls with the size of the batch.</summary>
/// <param name="Engine">The engine's name.</param>
/// <param name="Call">The call's.</param>
/// <param name="Single">Alone.</param>
/// <param name="Ways">By way, the rows in ascending order of the batch.</param>
public sealed record BatchingCurve(string Engine, string Call, LabRow Single, IReadOnlyList<(string Way, IReadOnlyList<LabRow> Rows)> Ways)
{
    private const string SingleWay = "single";

    /// <summary>Sorts an experiment's rows.</summary>
    public static IReadOnlyList<BatchingCurve> Of(IReadOnlyList<LabRow> rows) =>
    [
        .. from row in rows
           where row.Label("call") is not (PartOfNullCall.Absent or PartOfNullCall.Omitted)
           group row by (Engine: row.Label("engine"), Call: row.Label("call")) into one
           let single = one.FirstOrDefault(row => row.Label("way") == SingleWay)
           where single != null
           select new BatchingCurve(one.Key.Engine, one.Key.Call, single,
           [
               .. from row in one
                  where row.Label("way") != SingleWay
                  group row by row.Label("way") into way
                  select (way.Key, (IReadOnlyList<LabRow>)[.. way.OrderBy(BatchOf)]),
           ]),
    ];

    public static int BatchOf(LabRow row) => int.Parse(row.Label("batch"), Numbers.Culture);

    /// <summary>Where a way stops paying.</summary>
    public static Knee KneeOf(IReadOnlyList<LabRow> rows, int seed) => Knee.Of([.. rows.Select(row => (BatchOf(row), row.Sample))], seed);
}
