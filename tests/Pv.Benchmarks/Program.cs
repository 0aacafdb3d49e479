using Pv.Benchmarks.Core;
using Pv.Benchmarks.Cpu;
using Pv.Benchmarks.Disks;
using Pv.Benchmarks.Host;
using Pv.Benchmarks.XenStore;

switch (args.FirstOrDefault())
{
    case "hypercalls":
        return HypercallBenchmark.Run();
    case "events":
        return EventBenchmark.Run();
    case "grants":
        return GrantBenchmark.Run();
    case "stretches":
        return StretchBenchmark.Run(args.AsSpan(1));
    case "software-engine":
        return SoftwareEngineBenchmark.Run(args.AsSpan(1));
    case "start":
        return await StartBenchmark.RunAsync(args[1..]);
    case "idle":
        return await IdleBenchmark.RunAsync();
    case "lives":
        return await LivesBenchmark.RunAsync();
    case "list":
        return ListBenchmark.Run(args[1..]);
    case "validate":
        return ValidateBenchmark.Run(args[1..]);
    case "linux":
        return await LinuxBenchmark.RunAsync(args[1..]);
    case "shares":
        return await SharesBenchmark.RunAsync(args[1..]);
    case "xenstored":
        return StoreBenchmark.Run(args[1..]);
    case "disk":
        return await DiskBenchmark.RunAsync(args[1..]);
    case "disk-linux":
        return await LinuxDiskBenchmark.RunAsync(args[1..]);
    case "disk-transfers":
        return await LinuxTransferBenchmark.RunAsync(args[1..]);
    default:
        Console.Error.WriteLine("Say which benchmark: hypercalls, events, grants, stretches [TIMERS [PCPUS [KIND]]], software-engine [kernel...], start [pvgrub], idle, lives, list XL, validate XL, linux KERNEL INITRAMFS BUSYBOX [TRANSLATE-AFTER], shares [KERNEL INITRAMFS], xenstored [SOCKET...], disk [FOLDER [ROUNDS [KIND]]], disk-linux KERNEL INITRAMFS [FOLDER [ROUNDS]], disk-transfers KERNEL INITRAMFS TRANSFERS [FOLDER]");
        return 2;
}
