using System.Diagnostics;
using System.Globalization;

namespace Pv.Benchmarks.Host;

/// <summary>
/// <c>xl list</c> as a whole process, with a running <c>pvd</c> of one domain and of five hundred, against a .NET program that only says hello; taken in turn, so that a busy
/// machine is as unkind to both.
/// </summary>
internal static class ListBenchmark
{
    private const int Rounds = 31, Many = 500, AtOnce = 4;

    /// <param name="words">The path of the built <c>xl</c>.</param>
    public static int Run(string[] words)
    {
        if (words.Length != 1 || !File.Exists(words[0]))
        {
            Console.Error.WriteLine("Name the built xl: artifacts/bin/Pv.Xl/release/xl");
            return 2;
        }
        var folder = Directory.CreateTempSubdirectory("pv-list-").FullName;
        var hello = BuildHello(folder);
        Environment.SetEnvironmentVariable("PV_RUN_DIR", Path.Combine(folder, "run"));
        try
        {
            Time(words[0], "list");
            Compare(words[0], hello, "1 domain");
            var guest = Path.Combine(folder, "guest.cfg");
            File.WriteAllText(guest, $"name=\"guest\"\nmemory=1\nkernel=\"{SampleGuests.Path}\"\nextra=\"guest=Shell\"\n");
            Parallel.For(1, Many, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, i => Time(words[0], "create", "-q", "-p", guest, $"name=\"guest{i}\""));
            Compare(words[0], hello, $"{Many} domains");
            return 0;
        }
        finally
        {
            // The pvd that xl started.
            using var daemon = Process.GetProcessById(int.Parse(File.ReadAllText(Path.Combine(folder, "run", "pvd.pid")), CultureInfo.InvariantCulture));
            daemon.Kill();
            daemon.WaitForExit();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Compare(string xl, string hello, string what)
    {
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var i = 0; i < Rounds; i++)
        {
            ours.Add(Time(xl, "list"));
            theirs.Add(Time(hello));
        }
        ours.Sort();
        theirs.Sort();
        var (list, bare) = (ours[Rounds / 2], theirs[Rounds / 2]);
        Console.WriteLine($"xl list of {what} {list:f1} ms, a bare .NET hello {bare:f1} ms: ratio {list / bare:f2} (medians of {Rounds})");
    }

    private static string BuildHello(string folder)
    {
        var source = Path.Combine(folder, "hello");
        Directory.CreateDirectory(source);
        File.WriteAllText(Path.Combine(source, "Program.cs"), "System.Console.WriteLine(\"hello\");");
        File.WriteAllText(Path.Combine(source, "hello.csproj"),
            "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>");
        Time("dotnet", "build", "-c", "Release", "-o", Path.Combine(folder, "out"), source);
        return Path.Combine(folder, "out", "hello");
    }

    private static double Time(string program, params string[] words)
    {
        var start = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{program} did not start.");
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', words)} ended with {process.ExitCode}.");
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
