using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// What entering the hypervisor costs on an engine, without what the guest does for it and without what the call then does; and what of that a multicall
/// saves. Found by differences between the null call, a number that is no call (which the hypervisor turns away at once), and the same without the entry.
/// Times in nanoseconds, the medians of the processes'.
/// </summary>
/// <param name="Engine">The engine.</param>
/// <param name="Guest">What the guest does for a call: registers loaded, the result stored.</param>
/// <param name="Exit">Leaving the guest's code, the dispatch of one call, and the return.</param>
/// <param name="Handler">What the null call does then.</param>
/// <param name="Filling">What the guest does for an entry of a multicall: it writes 64 bytes.</param>
/// <param name="Entry">What an entry costs the hypervisor beside the call's handler: reading, dispatch, writing the result.</param>
/// <param name="Saved">The share of the exits' cost that a multicall of <see cref="Batch"/> saves: it has one exit instead of as many, and its entries instead.</param>
/// <param name="SavedLow">The least that a process has found.</param>
/// <param name="SavedHigh">The most.</param>
public sealed record ExitCost(string Engine, double Guest, double Exit, double Handler, double Filling, double Entry, double Saved, double SavedLow, double SavedHigh)
{
    /// <summary>The size at which a multicall is held against as many calls: Linux's are of that size at most.</summary>
    public const int Batch = 32;

    /// <summary>A difference of less than so many nanoseconds may be that of two ways through the dispatch.</summary>
    private const double LeastHandler = 3;

    /// <summary>The word of these rows, where others name their call.</summary>
    private const string Word = "exit-cost";

    /// <summary>From an experiment's rows, for each engine that the null call was measured on.</summary>
    public static IReadOnlyList<ExitCost> Of(IReadOnlyList<LabRow> rows)
        => [.. rows.Select(row => row.Label("engine")).Distinct().Select(engine => Of(rows, engine)).OfType<ExitCost>()];

    /// <summary>As a row beside those that were measured.</summary>
    public LabRow ToRow() => new(
        [("engine", Engine), ("call", Word), ("way", "multicall"), ("batch", Batch.ToString(Numbers.Culture))], [],
        [
            ("guest_ns", Guest), ("exit_ns", Exit), ("handler_ns", Handler), ("filling_ns", Filling), ("entry_ns", Entry),
            ("saved", Saved), ("saved_low", SavedLow), ("saved_high", SavedHigh),
        ]);

    /// <summary>In one sentence.</summary>
    public override string ToString() => string.Create(Numbers.Culture,
        $"An exit on {Engine} costs {Numbers.Time(Exit)} (beside it the guest's {Numbers.Time(Guest)} and {(Handler < LeastHandler ? "next to nothing" : Numbers.Time(Handler))} for the null call), an entry of a multicall {Numbers.Time(Entry)} (and {Numbers.Time(Filling)} to write it): {Batch} in one save {100 * Saved:f0} % ({100 * SavedLow:f0}..{100 * SavedHigh:f0}) of what the other {Batch - 1} exits cost.");

    private static ExitCost? Of(IReadOnlyList<LabRow> rows, string engine)
    {
        if (Find(NullCall.Word, "single") is not { } single || Find(PartOfNullCall.Absent, "single") is not { } absent || Find(PartOfNullCall.Absent, "multicall") is not { } entries
            || Find(PartOfNullCall.Omitted, "single") is not { } guest || Find(PartOfNullCall.Omitted, "multicall") is not { } filling)
            return null;
        // Differences within a process: what makes one differ from the next concerns all of its times.
        ExitCost[] processes = [.. single.Index().Select(one => OfProcess(engine, one.Item, absent[one.Index], entries[one.Index], guest[one.Index], filling[one.Index]))];
        return new ExitCost(
            engine, Middle(one => one.Guest), Middle(one => one.Exit), Middle(one => one.Handler), Middle(one => one.Filling), Middle(one => one.Entry), Middle(one => one.Saved),
            processes.Min(one => one.Saved), processes.Max(one => one.Saved));

        double[]? Find(string call, string way)
            => rows.FirstOrDefault(row => row.Label("engine") == engine && row.Label("call") == call && row.Label("way") == way
                && row.Label("batch") == (way == "single" ? "1" : Batch.ToString(Numbers.Culture)))?.Sample.OfProcesses();

        double Middle(Func<ExitCost, double> part) => Sample.Quantile([.. processes.Select(part)], 0.5);
    }

    private static ExitCost OfProcess(string engine, double single, double absent, double entries, double guest, double filling)
    {
        var exit = absent - guest;
        var entry = entries - filling - (exit / Batch);
        var saved = 1 - (Batch * entry / ((Batch - 1) * exit));
        return new ExitCost(engine, guest, exit, single - absent, filling - (guest / Batch), entry, saved, saved, saved);
    }
}
