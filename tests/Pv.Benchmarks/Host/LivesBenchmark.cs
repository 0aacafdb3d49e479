using System.Diagnostics;
using Pv.Config.Domain;
using Pv.Toolstack.Domains;

namespace Pv.Benchmarks.Host;

/// <summary>Paused C# guests, created and destroyed one after another from inside <c>pvd</c>: with their nodes in the store, their consoles and their logs.</summary>
internal static class LivesBenchmark
{
    private const int WarmUp = 300, Rounds = 5, LivesARound = 1000;

    public static async Task<int> RunAsync()
    {
        await using var host = await HostInProcess.StartAsync();
        var text = $"name=\"life\"\nmemory=2\nkernel=\"{SampleGuests.Path}\"\nextra=\"guest=Shell\"\n";
        await LiveAsync(host, text, WarmUp);
        var free = host.FreeFrames;
        var rates = new List<double>();
        var processor = Environment.CpuUsage.TotalTime;
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            await LiveAsync(host, text, LivesARound);
            rates.Add(LivesARound / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        var each = (Environment.CpuUsage.TotalTime - processor).TotalMicroseconds / (Rounds * LivesARound);
        rates.Sort();
        if (host.FreeFrames != free)
            throw new InvalidOperationException($"{free - host.FreeFrames} frames were lost.");
        Console.WriteLine($"create and destroy of a paused C# guest: {rates[Rounds / 2]:f0} a second median, {rates[0]:f0} to {rates[^1]:f0} of {Rounds} rounds; {each:f0} us of the processor each");
        return 0;
    }

    private static async Task LiveAsync(HostInProcess host, string text, int lives)
    {
        for (var i = 0; i < lives; i++)
        {
            var configuration = DomainConfigurationParser.Parse("life.cfg", text).Configuration!;
            var domain = await host.Domains.CreateAsync(configuration, new CreateOptions(Paused: true, ActOnEnd: false, host.Folder), CancellationToken.None);
            await host.Domains.DestroyAsync(domain);
        }
    }
}
