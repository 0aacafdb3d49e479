using Pv.Toolstack.Lab.Guests;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>One call, by one way, in batches of one size, on one guest: its program and what was measured of it.</summary>
internal sealed class BatchingCell(ILabGuest guest, LabCall call, BatchWay way, int batch, LoadedProgram program, int operationsARound, LabRun overhead)
{
    private const ulong MostRounds = 1 << 20;

    /// <summary>How often a round's work is counted by itself.</summary>
    private const int Counts = 4;

    private readonly List<double> _times = [], _traps = [], _bytesIn = [], _bytesOut = [];
    private double _pauses;
    private ulong _rounds = 1;

    /// <summary>Finds how many rounds take so long. The first are done while code is compiled, so it is asked again.</summary>
    public void Calibrate(double nanoseconds)
    {
        var run = guest.Run(program, _rounds);
        var once = Math.Max(1, run.Nanoseconds / _rounds);
        _rounds = Math.Clamp((ulong)(nanoseconds / once), 1, Math.Min(MostRounds, _rounds * 16));
    }

    public void Measure()
    {
        var run = guest.Run(program, _rounds);
        _times.Add(run.Nanoseconds / ((double)_rounds * operationsARound));
        _pauses += run.PauseNanoseconds;
        if (way == BatchWay.Asynchronous)
        {
            Count(run, _rounds);
            return;
        }
        // The work of a single round ends long before its time slice, on a slow host, too; that of many may not, whenever it is looked at.
        for (var i = 0; i < Counts; i++)
            Count(guest.Run(program, 1), 1);
    }

    private void Count(LabRun run, ulong rounds)
    {
        var operations = (double)rounds * operationsARound;
        _traps.Add(((double)run.Entries - overhead.Entries) / operations);
        _bytesIn.Add(((double)run.BytesIn - overhead.BytesIn) / operations);
        _bytesOut.Add(((double)run.BytesOut - overhead.BytesOut) / operations);
    }

    /// <summary>
    /// What the work itself takes: a time slice that ends amid a long call has it enter once more, which is chance. Of a queue it is chance in every
    /// round whether the service sleeps, so that the middle says more.
    /// </summary>
    private double Count(List<double> rounds) => way == BatchWay.Asynchronous ? Sample.Quantile(rounds, 0.5) : rounds.Min();

    public LabRow ToRow() => new(
        [("engine", guest.Engine.Name), ("call", call.Name), ("way", way.ToString().ToLowerInvariant()), ("batch", batch.ToString(Numbers.Culture))],
        [.. _times],
        [
            (BatchingExperiment.Traps, Count(_traps)), (BatchingExperiment.BytesIn, Count(_bytesIn)), (BatchingExperiment.BytesOut, Count(_bytesOut)),
            (BatchingExperiment.Pauses, _pauses), (BatchingExperiment.Operations, (double)_rounds * operationsARound),
        ])
    {
        Share = 0,
    };
}
