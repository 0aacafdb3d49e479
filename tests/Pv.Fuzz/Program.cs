using System.Diagnostics;
using System.Globalization;
using Pv.Fuzz;
using Pv.Tests.Fuzzing;

// Makes calls until there were so many, seed by seed. What is wrong ends it, with what replays it.
if (FuzzOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(FuzzOptions.Usage);
    return 2;
}
if (options.ToSum.Count > 0)
{
    var total = FuzzLog.Read(options.ToSum[0]);
    foreach (var other in options.ToSum.Skip(1))
        total.Add(FuzzLog.Read(other));
    total.Write(options.Log ?? options.ToSum[0]);
    return 0;
}
var statistics = new FuzzStatistics();
var watch = Stopwatch.StartNew();
var written = watch.Elapsed;
var seed = options.Seed;
while (statistics.Calls < options.Calls)
{
    if (Run() is { } failure)
    {
        Console.WriteLine(failure);
        Console.WriteLine(options.Way is FuzzWay.Threads or FuzzWay.Code ? $"Threads do not replay; try --way {(options.Way == FuzzWay.Code ? "codeturns" : "turns")}."
            : $"Again: --way {options.Way.ToString().ToLowerInvariant()} --seed {seed} --calls 1 --per-seed {options.CallsOfASeed}{(options.Way == FuzzWay.Alone ? " --follow" : "")}");
        return 1;
    }
    seed++;
    if (watch.Elapsed - written > TimeSpan.FromSeconds(20))
    {
        Write();
        written = watch.Elapsed;
    }
}
Write();
Console.WriteLine($"seeds {options.Seed} to {seed - 1}, {options.CallsOfASeed} calls each");
Console.Write(statistics.Report(watch.Elapsed));
return 0;

FuzzFailure? Run()
{
    if (options.Way != FuzzWay.Alone)
    {
        using var concurrent = new ConcurrentFuzzRun(seed, statistics, options.Way is FuzzWay.Turns or FuzzWay.CodeTurns, options.Way is FuzzWay.Code or FuzzWay.CodeTurns);
        return concurrent.Run(options.CallsOfASeed);
    }
    using var alone = new FuzzRun(seed, statistics);
    if (options.Follows)
        alone.Told = (step, what) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step}: {what}"));
    return alone.Run(options.CallsOfASeed);
}

// A run that is ended from outside has written what it did until shortly before.
void Write()
{
    if (options.Log is { } log)
        FuzzLog.Of(statistics, $"{options.Way.ToString().ToLowerInvariant()}, seeds {options.Seed} to {seed - 1}, {options.CallsOfASeed} calls each").Write(log);
}
