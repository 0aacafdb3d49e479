using System.Diagnostics;
using System.Globalization;

namespace Pv.Benchmarks.Host;

/// <summary><c>xl validate</c> of a thousand configuration files, whole process: every file with devices, and with files that it names.</summary>
internal static class ValidateBenchmark
{
    private const int Files = 1000, Rounds = 5;

    /// <param name="words">The path of the built <c>xl</c>.</param>
    public static int Run(string[] words)
    {
        if (words.Length != 1 || !File.Exists(words[0]))
        {
            Console.Error.WriteLine("Name the built xl: artifacts/bin/Pv.Xl/release/xl");
            return 2;
        }
        var folder = Directory.CreateTempSubdirectory("pv-validate-");
        var xl = Path.GetFullPath(words[0]);
        var names = Enumerable.Range(0, Files).Select(i => Path.Combine(folder.FullName, $"{i}.cfg")).ToArray();
        for (var i = 0; i < Files; i++)
            File.WriteAllText(names[i], Text(i, xl));
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            using var process = Process.Start(new ProcessStartInfo(xl, ["validate", .. names]) { RedirectStandardError = true })!;
            var said = process.StandardError.ReadToEnd().Trim();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"xl validate ended with {process.ExitCode}: {said}");
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        folder.Delete(recursive: true);
        times.Sort();
        Console.WriteLine($"xl validate of {Files} files, whole process: {times[Rounds / 2]:f0} ms median, {times[^1]:f0} ms at most of {Rounds}");
        return 0;
    }

    private static string Text(int i, string file) => string.Create(CultureInfo.InvariantCulture, $"""
        # one of a thousand
        name     = "guest{i}"
        kernel   = "{file}"
        extra    = "console=hvc0 root=/dev/xvda ro"
        memory   = 256
        maxmem   = 512
        vcpus    = 2
        cpus     = ["0", "0"]
        disk     = [ "{file},raw,xvda,ro",
                     "format=raw, vdev=xvdb, access=ro, target={file}" ]
        vif      = [ "mac=00:16:3e:01:{i >> 8:x2}:{i & 255:x2},bridge=xenbr0" ]
        on_crash = "preserve"
        cpu_weight = 512

        """);
}
