namespace Pv.Benchmarks.Cpu;

/// <summary>
/// The software engine against the processor: six kernels compiled with gcc -O2, CPU time as a multiple of native, with instruction
/// counts. Each runs three times both ways; the fastest counts.
/// </summary>
internal static class SoftwareEngineBenchmark
{
    private const int Runs = 3;

    public static int Run(ReadOnlySpan<string> names)
    {
        var directory = Path.Combine(AppContext.BaseDirectory, "Cpu", "kernels");
        var product = 1.0;
        var count = 0;
        Console.WriteLine($"{"kernel",-10} {"native ms",10} {"engine ms",10} {"times",7} {"instructions",14} {"million/s",10}");
        foreach (var source in Directory.GetFiles(directory, "*.c").Order())
        {
            if (names.Length > 0 && !names.Contains(Path.GetFileNameWithoutExtension(source)))
                continue;
            using var program = KernelProgram.Compile(source);
            ulong native = ulong.MaxValue, engine = ulong.MaxValue, instructions = 0;
            for (var run = 0; run < Runs; run++)
            {
                var expected = program.RunNatively();
                using var guest = new KernelGuest(program);
                var got = guest.Run();
                if (got.Result != expected.Result)
                {
                    Console.WriteLine($"{program.Name}: the engine says {got.Result:x16}, the processor {expected.Result:x16}.");
                    return 1;
                }
                native = Math.Min(native, expected.Nanoseconds);
                engine = Math.Min(engine, got.Nanoseconds);
                instructions = guest.InstructionsRetired;
            }
            var times = (double)engine / native;
            product *= times;
            count++;
            Console.WriteLine($"{program.Name,-10} {native / 1e6,10:f1} {engine / 1e6,10:f1} {times,7:f2} {instructions,14} {instructions * 1e3 / engine,10:f0}");
        }
        Console.WriteLine($"geometric mean {Math.Pow(product, 1.0 / count):f2} times native");
        return 0;
    }
}
