using Pv.Cpu.Software;

namespace Pv.Benchmarks.Cpu;

/// <summary>
/// The software engine against the processor: six kernels compiled with gcc -O2, CPU time as a multiple of native, with instruction
/// counts, interpreted and translated. Each runs three times every way; the fastest counts.
/// </summary>
internal static class SoftwareEngineBenchmark
{
    private const int Runs = 3;

    public static int Run(ReadOnlySpan<string> names)
    {
        var directory = Path.Combine(AppContext.BaseDirectory, "Cpu", "kernels");
        double interpretedProduct = 1, translatedProduct = 1;
        var count = 0;
        Console.WriteLine($"{"kernel",-10} {"native ms",10} {"interpreted",12} {"translated",12} {"times",7} {"times",7} {"instructions",14} {"million/s",10}");
        foreach (var source in Directory.GetFiles(directory, "*.c").Order())
        {
            if (names.Length > 0 && !names.Contains(Path.GetFileNameWithoutExtension(source)))
                continue;
            using var program = KernelProgram.Compile(source);
            ulong native = ulong.MaxValue, interpreted = ulong.MaxValue, translated = ulong.MaxValue, instructions = 0;
            for (var run = 0; run < Runs; run++)
            {
                var expected = program.RunNatively();
                native = Math.Min(native, expected.Nanoseconds);
                if (!TryRun(program, expected, -1, ref interpreted, ref instructions)
                    || !TryRun(program, expected, SoftwareEngine.UsualTranslateAfter, ref translated, ref instructions))
                    return 1;
            }
            interpretedProduct *= (double)interpreted / native;
            translatedProduct *= (double)translated / native;
            count++;
            Console.WriteLine($"{program.Name,-10} {native / 1e6,10:f1} {interpreted / 1e6,12:f1} {translated / 1e6,12:f1} {(double)interpreted / native,7:f2} "
                + $"{(double)translated / native,7:f2} {instructions,14} {instructions * 1e3 / translated,10:f0}");
        }
        Console.WriteLine($"geometric means {Math.Pow(interpretedProduct, 1.0 / count):f2} and {Math.Pow(translatedProduct, 1.0 / count):f2} times native");
        return 0;
    }

    private static bool TryRun(KernelProgram program, KernelResult expected, int translateAfter, ref ulong nanoseconds, ref ulong instructions)
    {
        using var guest = new KernelGuest(program, translateAfter);
        var got = guest.Run();
        if (got.Result != expected.Result)
        {
            Console.WriteLine($"{program.Name}: the engine says {got.Result:x16}, the processor {expected.Result:x16}.");
            return false;
        }
        nanoseconds = Math.Min(nanoseconds, got.Nanoseconds);
        instructions = guest.InstructionsRetired;
        return true;
    }
}
