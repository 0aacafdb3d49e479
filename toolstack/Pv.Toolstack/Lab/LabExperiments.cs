using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab.Batching;
using Pv.Toolstack.Lab.Guests;
using Pv.Toolstack.Lab.Latency;
using Pv.Toolstack.Lab.Output;
using Pv.Toolstack.Lab.Replay;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab;

/// <summary>The work of <c>xl lab</c>: runs an experiment and says what came out.</summary>
public sealed class LabExperiments(ILabHost host, LabOutput output)
{
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
        catch (Exception e) when (e is ToolstackLabException or Domains.ToolstackException or IOException or UnauthorizedAccessException)
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
        LabChoice.Of("engine", options.Engines, host.Engines, engine => engine.Name);
        LabChoice.Of("call", options.Calls, LabCall.All(), call => call.Name);
        var before = words.Argument('1') is { } old ? ReadOld(old) : null;
        var (result, chart) = words.Rest[0] switch
        {
            BatchingExperiment.Name => await BatchAsync(options, cancel),
            LatencyExperiment.Name => await WaitAsync(options, cancel),
            ReplayReport.Name when words.Rest is [_, var trace] => await ReplayAsync(trace, words.Has('2'), options, cancel),
            ReplayReport.Name => throw new FormatException("replay takes one file: a trace, as 'xl trace DOMAIN show --json' prints it."),
            var unknown => throw new FormatException($"There is no experiment '{unknown}': {BatchingExperiment.Name}, {LatencyExperiment.Name}, {ReplayReport.Name}."),
        };
        if (words.Argument('o') is { } file)
            await File.WriteAllTextAsync(file, LabJson.Write(result), cancel);
        if (words.Argument('g') is { } svg)
            await File.WriteAllTextAsync(svg, SvgChart.Draw(chart, Footer(result)), cancel);
        var comparison = before is null ? null : LabComparison.Of(before, result, options.Seed);
        Show(words, result, chart, comparison);
        return comparison is { IsSlower: true } ? Slower : 0;
    }

    private void Show(CommandWords words, LabResult result, LabChart chart, LabComparison? comparison)
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
        new TerminalChart(output).Draw(chart);
        output.Print("");
        foreach (var line in words.Has('t') || result.Experiment == ReplayReport.Name ? LabText.Table(result.Rows) : [])
            output.Print(line);
        foreach (var sentence in result.Conclusions)
            output.Print(sentence);
        foreach (var line in comparison?.Lines() ?? [])
            output.Print(line);
    }

    private async Task<(LabResult Result, LabChart Chart)> BatchAsync(LabOptions options, CancellationToken cancel)
    {
        var facts = Begin(options);
        var (rows, rounds) = await new BatchingExperiment(host, output, options).RunAsync(cancel);
        facts.Add(("rounds", rounds.ToString(Numbers.Culture)));
        return (new LabResult(BatchingExperiment.Name, facts, rows, BatchingConclusions.Of(rows, options.Seed)), BatchingChart.Of(rows, options.Seed));
    }

    private async Task<(LabResult Result, LabChart Chart)> WaitAsync(LabOptions options, CancellationToken cancel)
    {
        var facts = Begin(options);
        var (rows, rounds) = await new LatencyExperiment(host, output, options).RunAsync(cancel);
        facts.Add(("rounds", rounds.ToString(Numbers.Culture)));
        return (new LabResult(LatencyExperiment.Name, facts, rows, LatencyReport.Conclusions(rows)), LatencyReport.Chart(rows));
    }

    private async Task<(LabResult Result, LabChart Chart)> ReplayAsync(string file, bool measures, LabOptions options, CancellationToken cancel)
    {
        var counts = ReplayCounts.Of(TraceFile.Read(file));
        var facts = measures ? Begin(options) : LabFacts.Of(host, options);
        facts.Add(("trace", file));
        IReadOnlyList<ReplayCosts> costs = [];
        if (measures)
            costs = ReplayCosts.Of((await new BatchingExperiment(host, output, options with { Calls = [NullCall.Word] }).RunAsync(cancel)).Rows);
        return (new LabResult(ReplayReport.Name, facts, ReplayReport.Rows(counts), ReplayReport.Conclusions(counts, costs)), ReplayReport.Chart(counts));
    }

    private List<(string, string)> Begin(LabOptions options)
    {
        if (LabFacts.LoadNow() is { } load && load > Environment.ProcessorCount / 2.0)
            output.Complain(string.Create(Numbers.Culture, $"xl lab: this machine is busy (load {load:f1}): the figures will be worse than they could be"));
        return LabFacts.Of(host, options);
    }

    private static LabResult ReadOld(string path)
    {
        try
        {
            return LabJson.Read(File.ReadAllText(path));
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
