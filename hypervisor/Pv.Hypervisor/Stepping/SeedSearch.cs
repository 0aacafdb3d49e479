namespace Pv.Hypervisor.Stepping;

/// <summary>
/// Runs one scene under many seeds, in search of an interleaving that goes wrong. Every seed gets a machine of its own; a seed that failed
/// fails again in the same way, whenever it is run.
/// </summary>
/// <param name="scene">Makes a machine on the stepper, plays, disposes it, and says what was wrong: null for nothing. Hypercalls go to the log.</param>
public sealed class SeedSearch(Func<Stepper, TraceLog, string?> scene)
{
    /// <summary>See <see cref="Stepper.MostPoints"/>.</summary>
    public ulong MostPoints { get; init; } = Stepper.UsualMostPoints;

    /// <summary>See <see cref="Stepper.LeavesOut"/>.</summary>
    internal Predicate<string> LeavesOut { get; init; } = _ => false;

    /// <summary>Runs one seed: to try it, or to see again how it failed.</summary>
    public SeedRun Run(ulong seed)
    {
        var stepper = new Stepper(seed) { LeavesOut = LeavesOut, MostPoints = MostPoints };
        var trace = new TraceLog();
        var failure = Play(stepper, trace);
        return new SeedRun(seed, trace, stepper.Interleaving, stepper.Points, stepper.Changes, stepper.Clock.Now, failure);
    }

    /// <summary>Runs seeds in order.</summary>
    /// <param name="first">The first seed.</param>
    /// <param name="last">The last one.</param>
    /// <param name="stopAtFailure">Ends the search with the first seed that fails.</param>
    /// <param name="ran">Told of each.</param>
    public SearchReport Run(ulong first, ulong last, bool stopAtFailure = false, Action<SeedRun>? ran = null)
    {
        var report = new SearchReport();
        for (var seed = first; seed <= last; seed++)
        {
            var run = Run(seed);
            report.Add(run);
            ran?.Invoke(run);
            if ((stopAtFailure && run.Failure is not null) || seed == ulong.MaxValue)
                break;
        }
        return report;
    }

    private string? Play(Stepper stepper, TraceLog trace)
    {
        string? failure;
        try
        {
            failure = scene(stepper, trace);
        }
        catch (Exception thrown) when (thrown is not OutOfMemoryException)
        {
            failure = thrown.Message;
        }
        finally
        {
            stepper.End();
        }
        return stepper.Failures.Count > 0 ? $"a thread of the machine ended with {stepper.Failures[0].GetType().Name}: {stepper.Failures[0].Message}" : failure;
    }
}
