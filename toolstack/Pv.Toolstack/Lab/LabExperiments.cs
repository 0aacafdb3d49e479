using System.Diagnostics;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab.Batching;
using Pv.Toolstack.Lab.Guests;
using Pv.Toolstack.Lab.Latency;
using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Replay;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab;

/// <summary>The work of <c>xl lab</c>: runs an experiment and says what came out.</summary>
/// <param name="host">Makes guests.</param>
/// <param name="output">Where it is said.</param>
/// <param name="runPart">Runs <c>xl lab</c> with these words in a process of its own, and returns what it prints.</param>
public sealed class LabExperiments(ILabHost host, LabOutput output, LabExperiments.PartRunner runPart)
{
    /// <summary>Enough to see how much one process differs from the next; on a machine that is so busy that it takes too long, the least.</summary>
    private const int UsualProcesses = 5, LeastProcesses = 3;

    /// <summary>More are started while what was measured leaves a conclusion open, if they will have ended by then.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(105);

    /// <summary>Fewer must do if the usual number would take longer.</summary>
    private static readonly TimeSpan TooLong = TimeSpan.FromSeconds(240);

    /// <summary>Orders of different processes have nothing to do with each other.</summary>
    private const int SeedStep = 7919;

    public delegate Task<string> PartRunner(IReadOnlyList<string> words, CancellationToken cancel);

    public const int Failed = 1, WrongUse = 2, Slower = 5, Interrupted = 130;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(CommandWords words, CancellationToken cancel)
    {
        try
        {
            return await RunAsync(words, LabOptions.Parse(words), cancel);
        }
        catch (FormatException e)
        {
            return Refuse(e.Message, WrongUse);
        }
        catch (Exception e) when (e is ToolstackLabException or Domains.ToolstackException or IOException)
        {
            return Refuse(e.Message, Failed);
        }
        catch (OperationCanceledException)
        {
            output.Progress("");
            return Interrupted;
        }
    }

    private async Task<int> RunAsync(CommandWords words, LabOptions options, CancellationToken cancel)
    {
        // What cannot be is said before minutes pass.
        var experiment = LabChoice.Of("experiment", [words.Rest[0]], [BatchingExperiment.Name, LatencyExperiment.Name, ReplayReport.Name], name => name)[0];
        LabWords.Check(experiment, words);
        LabChoice.Of("engine", options.Engines, host.Engines, engine => engine.Name);
        LabChoice.Of("call", options.Calls, LabCall.All(), call => call.Name);
        var before = words.Argument('1') is { } old ? ReadOld(old) : null;
        await using var json = words.Argument('o') is { } file ? LabFile.Create(file) : null;
        await using var svg = words.Argument('g') is { } picture ? LabFile.Create(picture) : null;
        var (result, chart) = experiment switch
        {
            BatchingExperiment.Name => await BatchAsync(options, cancel),
            LatencyExperiment.Name => await WaitAsync(options, cancel),
            _ => await ReplayAsync(words.Rest[1], words.Has('2'), options, cancel),
        };
        json?.Write(LabJson.Write(result));
        svg?.Write(SvgChart.Draw(chart(), Footer(result)));
        var comparison = before is null ? null : LabComparison.Of(before, result, options.Seed);
        Show(words, result, chart, comparison);
        return comparison is { IsSlower: true } ? Slower : 0;
    }

    private void Show(CommandWords words, LabResult result, Func<LabChart> chart, LabComparison? comparison)
    {
        foreach (var warning in comparison?.Warnings ?? [])
            output.Complain($"xl lab: {warning}");
        if (words.Has('j'))
        {
            output.Print(LabJson.Write(result).TrimEnd());
            return;
        }
        if (words.Has('v'))
        {
            output.Print(LabText.Csv(result).TrimEnd());
            return;
        }
        foreach (var fact in LabText.Facts(result))
            output.Print(fact);
        output.Print("");
        new TerminalChart(output).Draw(chart());
        output.Print("");
        foreach (var line in words.Has('t') || result.Experiment == ReplayReport.Name ? LabText.Table(result.Rows) : [])
            output.Print(line);
        foreach (var sentence in result.Conclusions)
            output.Print(sentence);
        foreach (var line in comparison?.Lines() ?? [])
            output.Print(line);
    }

    private async Task<(LabResult Result, Func<LabChart> Chart)> BatchAsync(LabOptions options, CancellationToken cancel)
    {
        var (facts, rows) = await MeasureAsync(
            BatchingExperiment.Name, options, () => new BatchingExperiment(host, output, options).RunAsync(cancel), rows => BatchingConclusions.AreOpen(rows, options.Seed), cancel);
        // What follows from a part's rows alone nobody looks at.
        if (output.IsPart)
            return (new LabResult(BatchingExperiment.Name, facts, rows, []), () => throw new InvalidOperationException("A part has no chart."));
        return (
            new LabResult(BatchingExperiment.Name, facts, [.. rows, .. ExitCost.Of(rows).Select(cost => cost.ToRow())], BatchingConclusions.Of(rows, options.Seed)),
            () => BatchingChart.Of(rows, options.Seed));
    }

    private async Task<(LabResult Result, Func<LabChart> Chart)> WaitAsync(LabOptions options, CancellationToken cancel)
    {
        var (facts, rows) = await MeasureAsync(LatencyExperiment.Name, options, () => new LatencyExperiment(host, output, options).RunAsync(cancel), _ => false, cancel);
        return (new LabResult(LatencyExperiment.Name, facts, rows, LatencyReport.Conclusions(rows)), () => LatencyReport.Chart(rows));
    }

    /// <summary>In this process, or in several one after another.</summary>
    private async Task<(List<(string Name, string Value)> Facts, IReadOnlyList<LabRow> Rows)> MeasureAsync(
        string experiment, LabOptions options, Func<Task<(IReadOnlyList<LabRow> Rows, int Rounds)>> measure, Func<IReadOnlyList<LabRow>, bool> areOpen, CancellationToken cancel)
    {
        var facts = Begin(options);
        var rows = options.Processes == 1 || options is { Quick: true, Processes: null } ? (await measure()).Rows : await MeasureInProcessesAsync(experiment, options, areOpen, cancel);
        facts.Add(("processes", rows.Select(row => row.Processes).FirstOrDefault().ToString(Numbers.Culture)));
        facts.Add(("rounds", rows.Select(row => row.Times.Length).FirstOrDefault().ToString(Numbers.Culture)));
        return (facts, rows);
    }

    /// <summary>As many processes as are asked for; if nobody has asked, more while a conclusion is open and there is time, and fewer where that runs out.</summary>
    private async Task<IReadOnlyList<LabRow>> MeasureInProcessesAsync(string experiment, LabOptions options, Func<IReadOnlyList<LabRow>, bool> areOpen, CancellationToken cancel)
    {
        var processes = options.Processes ?? UsualProcesses;
        var time = Stopwatch.StartNew();
        var parts = new List<IReadOnlyList<LabRow>>();
        IReadOnlyList<LabRow> rows = [];
        while (WantsMore())
        {
            output.Prefix = parts.Count < processes ? $"process {parts.Count + 1} of {processes}: " : $"process {parts.Count + 1}, to be more certain: ";
            output.Progress("");
            var part = options with { Seed = unchecked(options.Seed + (parts.Count * SeedStep)) & int.MaxValue };
            // What follows from the rows is worked out once, from all.
            parts.Add([.. LabJson.Read(await runPart(PartOf(experiment, part), cancel)).Rows.Where(row => row.Times.Length > 0)]);
            rows = [.. parts[0].Select((_, row) => LabRow.Join([.. parts.Select(one => one[row])]))];
        }
        output.Prefix = "";
        if (parts.Count < processes)
            output.Complain($"xl lab: this machine is so busy that there were {parts.Count} processes instead of {processes}");
        return rows;

        bool WantsMore()
        {
            if (options.Processes is not null || parts.Count < LeastProcesses)
                return parts.Count < processes;
            var next = time.Elapsed * (parts.Count + 1) / parts.Count;
            return parts.Count < processes ? next < TooLong : next < MostTime && areOpen(rows);
        }
    }

    private static string[] PartOf(string experiment, LabOptions options) =>
    [
        experiment, "--json", "--processes", "1", "--seed", options.Seed.ToString(Numbers.Culture),
        .. options.Rounds is { } rounds ? (string[])["--rounds", rounds.ToString(Numbers.Culture)] : [],
        .. options.Quick ? (string[])["--quick"] : [],
        .. options.Engines.SelectMany(engine => (string[])["--engine", engine]),
        .. options.Calls.SelectMany(call => (string[])["--call", call]),
    ];

    private async Task<(LabResult Result, Func<LabChart> Chart)> ReplayAsync(string file, bool measures, LabOptions options, CancellationToken cancel)
    {
        var counts = ReplayCounts.Of(TraceFile.Read(file));
        var facts = measures ? Begin(options) : LabFacts.Of(host, options);
        facts.Add(("trace", file));
        IReadOnlyList<ReplayCosts> costs = [];
        if (measures)
            costs = ReplayCosts.Of((await new BatchingExperiment(host, output, options with { Calls = [NullCall.Word] }).RunAsync(cancel)).Rows);
        return (new LabResult(ReplayReport.Name, facts, ReplayReport.Rows(counts), ReplayReport.Conclusions(counts, costs)), () => ReplayReport.Chart(counts));
    }

    private List<(string, string)> Begin(LabOptions options)
    {
        if (!output.IsPart && LabFacts.LoadNow() is { } load && load > Environment.ProcessorCount / 2.0)
            output.Complain(string.Create(Numbers.Culture, $"xl lab: this machine is busy (load {load:f1}): the figures will be worse than they could be"));
        return LabFacts.Of(host, options);
    }

    private static LabResult ReadOld(string path)
    {
        try
        {
            return LabJson.Read(LabFile.Read(path));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path} cannot be compared with: {e.Message}", e);
        }
    }

    private static string Footer(LabResult result)
    {
        var facts = result.Facts.ToDictionary(fact => fact.Name, fact => fact.Value);
        return $"xl lab {result.Experiment}, seed {facts["seed"]}; {facts["machine"]}, load {facts["load"]}; {facts["dotnet"]}, Pv {facts["pv"]}; {facts["time"]}";
    }

    private int Refuse(string sentence, int code)
    {
        output.Complain($"xl lab: {sentence}");
        return code;
    }
}
