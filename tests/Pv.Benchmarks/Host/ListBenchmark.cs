using System.Diagnostics;

namespace Pv.Benchmarks.Host;

/// <summary>
/// <c>xl list</c> as a whole process, with a running <c>pvd</c>, against a .NET program that only says hello; taken in turn, so that a busy
/// machine is as unkind to both.
/// </summary>
internal static class ListBenchmark
{
    private const int Rounds = 31;

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
        Time(words[0], "list");
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var i = 0; i < Rounds; i++)
        {
            ours.Add(Time(words[0], "list"));
            theirs.Add(Time(hello));
        }
        ours.Sort();
        theirs.Sort();
        var (list, bare) = (ours[Rounds / 2], theirs[Rounds / 2]);
        Console.WriteLine($"xl list {list:f1} ms, a bare .NET hello {bare:f1} ms: ratio {list / bare:f2} (medians of {Rounds})");
        return 0;
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
