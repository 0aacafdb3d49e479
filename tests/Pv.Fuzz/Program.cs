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
var statistics = new FuzzStatistics();
var watch = Stopwatch.StartNew();
var seed = options.Seed;
for (; statistics.Calls < options.Calls; seed++)
{
    using var run = new FuzzRun(seed, statistics);
    if (options.Follows)
        run.Told = (step, what) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step}: {what}"));
    if (run.Run(options.CallsOfASeed) is { } failure)
    {
        Console.WriteLine(failure);
        Console.WriteLine($"Again, call by call: --seed {seed} --calls 1 --per-seed {options.CallsOfASeed} --follow");
        return 1;
    }
}
Console.WriteLine($"seeds {options.Seed} to {seed - 1}, {options.CallsOfASeed} calls each");
Console.Write(statistics.Report(watch.Elapsed));
Console.WriteLine();
Console.Write(statistics.PairTable());
return 0;
