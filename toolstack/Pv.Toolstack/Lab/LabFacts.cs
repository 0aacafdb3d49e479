using System.Reflection;
using System.Runtime.InteropServices;
using Pv.Toolstack.Lab.Guests;
using Pv.Toolstack.Lab.Statistics;

namespace Pv.Toolstack.Lab;

/// <summary>What a reader must know of a run to believe it: the machine, how busy it was, the versions, the seed.</summary>
internal static class LabFacts
{
    public static List<(string Name, string Value)> Of(ILabHost host, LabOptions options) =>
    [
        ("machine", $"{Processor()}, {Environment.ProcessorCount} cores"),
        ("load", Load()),
        ("system", RuntimeInformation.OSDescription),
        ("dotnet", RuntimeInformation.FrameworkDescription),
        ("pv", typeof(LabFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown"),
        ("engines", string.Join("; ", host.Engines.Select(engine => $"{engine.Name}: {engine.Description}"))),
        ("seed", options.Seed.ToString(Numbers.Culture)),
        ("quick", options.Quick ? "yes" : "no"),
        ("time", DateTimeOffset.Now.ToString("yyyy-MM-dd HH:mm:ss zzz", Numbers.Culture)),
    ];

    /// <summary>How much there was to do in the last minute, for a warning when that is much.</summary>
    public static double? LoadNow() => TryRead("/proc/loadavg") is { } text && double.TryParse(text.Split(' ')[0], Numbers.Culture, out var load) ? load : null;

    private static string Load() => TryRead("/proc/loadavg") is { } text ? string.Join(' ', text.Split(' ').Take(3)) : "unknown";

    private static string Processor()
        => TryRead("/proc/cpuinfo")?.Split('\n').FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(':') + 1)..].Trim() : RuntimeInformation.ProcessArchitecture.ToString();

    private static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
