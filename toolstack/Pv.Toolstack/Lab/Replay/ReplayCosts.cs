using Pv.Toolstack.Lab.Batching;

namespace Pv.Toolstack.Lab.Replay;

/// <summary>What entering the hypervisor costs on an engine, from the measurements of the null call: alone, and as entries of multicalls.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Single">Nanoseconds of a call alone.</param>
/// <param name="Batch">Nanoseconds that a multicall costs beside its entries.</param>
/// <param name="Entry">Nanoseconds of each entry.</param>
public sealed record ReplayCosts(string Engine, double Single, double Batch, double Entry)
{
    /// <summary>From an experiment's rows: the shortest and the longest multicall lie on a line.</summary>
    public static IReadOnlyList<ReplayCosts> Of(IReadOnlyList<LabRow> rows)
        =>
        [
            .. from curve in BatchingCurve.Of(rows)
               where curve.Call == NullCall.Word
               let multicalls = curve.Ways.First(way => way.Way == "multicall").Rows
               let shortest = Total(multicalls[0])
               let longest = Total(multicalls[^1])
               let entry = (longest.Time - shortest.Time) / (longest.Batch - shortest.Batch)
               select new ReplayCosts(curve.Engine, curve.Single.Time, Math.Max(0, shortest.Time - (shortest.Batch * entry)), entry),
        ];

    /// <summary>Nanoseconds for ways in and out: what has one entry is a call alone.</summary>
    public double TimeOf(ReplayCounts counts) => counts.Lengths.Sum(batch => batch.Value * (batch.Key == 1 ? Single : Batch + (batch.Key * Entry)));

    private static (int Batch, double Time) Total(LabRow row) => (BatchingCurve.BatchOf(row), BatchingCurve.BatchOf(row) * row.Time);
}
