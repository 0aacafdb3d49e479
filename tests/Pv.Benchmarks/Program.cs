using Pv.Benchmarks.Cpu;

switch (args.FirstOrDefault())
{
    case "software-engine":
        return SoftwareEngineBenchmark.Run(args.AsSpan(1));
    default:
        Console.Error.WriteLine("Say which benchmark: software-engine [kernel...]");
        return 2;
}
