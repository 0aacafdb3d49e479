using System.Diagnostics;
using System.Globalization;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Config.Domain;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Runs;
using Pv.Toolstack.Seeds;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl seeds</c>: guests in deterministic mode under many seeds, in search of one that goes wrong, or under one again.</summary>
internal static class SeedsCommand
{
    private const ulong UsualSeeds = 100, MostShown = 10;
    private const int SomeFailed = 1, Interrupted = 130;
    private static readonly TimeSpan UsualTime = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        var (first, last) = words.Argument('r') is { } replayed ? (Number(replayed), Number(replayed)) : Range(words.Argument('n'));
        var time = (ulong)((Durations.Parse(words.Argument('t')) ?? UsualTime).TotalNanoseconds);
        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        var guests = await PlanAsync(context, stop.Token);
        await using var trace = words.Argument('o') is { } name ? context.CreateFile(name, "trace") : null;

        var report = new Report();
        for (var seed = first; !stop.IsCancellationRequested; seed++)
        {
            var outcome = await RunAsync(context, guests, seed, time);
            report.Add(outcome);
            if (trace is not null && outcome == report.Told)
            {
                trace.SetLength(0);
                await trace.WriteAsync(Encoding.ASCII.GetBytes(outcome.Trace), CancellationToken.None);
            }
            if (seed == last)
                break;
        }
        // Said of a failure only if it is so.
        var replays = report.Failures > 0 && (await RunAsync(context, guests, report.Told!.Seed, time)) is var again
            && again.Hash == report.Told.Hash && again.Failure == report.Told.Failure;
        if (context.IsJson)
            await context.PrintAsync(report.ToJson(replays).ToString(Formatting.Indented));
        else
            await PrintAsync(context, report, words.Has('r'), replays);
        return interrupted.IsCancellationRequested ? Interrupted : report.Failures > 0 ? SomeFailed : 0;
    }

    /// <summary>A thread for itself: it is the machine's, too.</summary>
    private static Task<SeedOutcome> RunAsync(CommandContext context, IReadOnlyList<SeedGuest> guests, ulong seed, ulong time)
        => Task.Factory.StartNew(() => context.Toolstack.Seeds.Run(guests, seed, time), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static async Task<IReadOnlyList<SeedGuest>> PlanAsync(CommandContext context, CancellationToken cancel)
    {
        var guests = new List<SeedGuest>();
        foreach (var file in context.Words.Rest)
        {
            var text = await context.ReadConfigFileAsync(file);
            var outcome = DomainConfigurationParser.Parse(file, text, [], context.Topology(false));
            foreach (var message in outcome.Messages)
                await context.ComplainAsync(message);
            if (outcome.Configuration is not { } configuration)
                throw new ToolstackException($"{file} describes no domain.", outcome.ExitCode);
            // What is expected is expected of the first.
            var words = context.Words;
            Func<RunScript> script = guests.Count == 0 ? () => RunScript.Of(words, expect: 'x', send: 's') : () => RunScript.Empty;
            // An expectation that cannot be is refused at once.
            script();
            guests.Add(await SeedGuest.PlanAsync(configuration, guests.Count, context.Terminal.Directory, script, cancel));
        }
        return guests;
    }

    private static async Task PrintAsync(CommandContext context, Report report, bool isReplay, bool replays)
    {
        if (report.Told is not { } told)
            return;
        if (isReplay)
        {
            foreach (var console in told.Consoles)
                await context.PrintAsync(console.ReplaceLineEndings("\n").TrimEnd());
            await context.PrintAsync(string.Create(CultureInfo.InvariantCulture, $"seed {told.Seed}: {told.Calls} hypercalls, {told.Nanoseconds / 1e9:0.000000} s of the machine's time, trace {told.Hash}"));
            if (told.Failure is not null)
                await context.PrintAsync($"seed {told.Seed} failed: {told.Failure}");
            return;
        }
        await context.PrintAsync(string.Create(CultureInfo.InvariantCulture,
            $"{report.Seeds} seeds, {report.Interleavings} interleavings, {report.Traces} different traces, {report.Calls} hypercalls, {report.Failures} failures, {report.Elapsed.TotalSeconds:0.0} s"));
        foreach (var (seed, reason) in report.Shown)
            await context.PrintAsync($"seed {seed} failed: {reason}");
        if (report.Failures > (ulong)report.Shown.Count)
            await context.PrintAsync($"and {report.Failures - (ulong)report.Shown.Count} more");
        if (report.Failures > 0)
            await context.PrintAsync(replays ? $"Seed {told.Seed} was run again and did the same, call by call. To see it: xl seeds --replay {told.Seed} with the other words as they are." : $"Seed {told.Seed} was run again and did something else: this guest is not deterministic.");
    }

    private static (ulong First, ulong Last) Range(string? word)
    {
        if (word is null)
            return (1, UsualSeeds);
        var dots = word.IndexOf("..", StringComparison.Ordinal);
        if (dots < 0)
            return (1, Number(word));
        var (first, last) = (Number(word[..dots]), Number(word[(dots + 2)..]));
        return first <= last ? (first, last) : throw new ToolstackException($"'{word}' are no seeds: the first is behind the last.", 2);
    }

    private static ulong Number(string word)
        => ulong.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number : throw new ToolstackException($"'{word}' is no seed: seeds are numbers from 1 on, several are 1..1000.", 2);

    /// <summary>What a search has come to.</summary>
    private sealed class Report
    {
        private readonly Stopwatch _time = Stopwatch.StartNew();
        private readonly HashSet<string> _traces = [];
        private readonly HashSet<ulong> _interleavings = [];
        private readonly List<(ulong Seed, string Reason)> _shown = [];

        public ulong Seeds { get; private set; }

        public ulong Failures { get; private set; }

        public ulong Calls { get; private set; }

        public int Traces => _traces.Count;

        public int Interleavings => _interleavings.Count;

        public TimeSpan Elapsed => _time.Elapsed;

        /// <summary>The first failures.</summary>
        public IReadOnlyList<(ulong Seed, string Reason)> Shown => _shown;

        /// <summary>The first that failed, or else the first.</summary>
        public SeedOutcome? Told { get; private set; }

        public void Add(SeedOutcome outcome)
        {
            Seeds++;
            Calls += (ulong)outcome.Calls;
            _traces.Add(outcome.Hash);
            _interleavings.Add(outcome.Interleaving);
            if (Told is null || (Told.Failure is null && outcome.Failure is not null))
                Told = outcome;
            if (outcome.Failure is null)
                return;
            if (Failures++ < MostShown)
                _shown.Add((outcome.Seed, outcome.Failure));
        }

        public JObject ToJson(bool replays) => new()
        {
            ["seeds"] = Seeds, ["interleavings"] = Interleavings, ["traces"] = Traces, ["hypercalls"] = Calls, ["seconds"] = Math.Round(Elapsed.TotalSeconds, 3),
            ["failures"] = Failures,
            ["failed"] = new JArray(_shown.Select(one => new JObject { ["seed"] = one.Seed, ["reason"] = one.Reason })),
            ["replays"] = replays, ["seed"] = Told?.Seed ?? 0, ["trace"] = Told?.Hash ?? "",
        };
    }
}
