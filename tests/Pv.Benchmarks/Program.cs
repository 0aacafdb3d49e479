using Pv.Benchmarks.Core;
using Pv.Benchmarks.Cpu;

switch (args.FirstOrDefault())
{
    case "hypercalls":
        return HypercallBenchmark.Run();
    case "events":
        return EventBenchmark.Run();
    case "software-engine":
        return SoftwareEngineBenchmark.Run(args.AsSpan(1));
    default:
        Console.Error.WriteLine("Say which benchmark: hypercalls, events, software-engine [kernel...]");
        return 2;
}
