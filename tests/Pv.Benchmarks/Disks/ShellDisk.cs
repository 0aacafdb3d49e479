using System.Globalization;
using System.Text.RegularExpressions;

namespace Pv.Benchmarks.Disks;

/// <summary>The disk of the sample shell.</summary>
internal sealed partial class ShellDisk(DiskHost host) : IAsyncDisposable
{
    private const string Prompt = "pv>";

    public DiskHost Host => host;

    public static async Task<ShellDisk> StartAsync(string path, bool persistent)
    {
        var host = await DiskHost.StartAsync(path, persistent, $"name=\"shell\"\nmemory=64\nkernel=\"{Benchmarks.Host.SampleGuests.Path}\"\nextra=\"guest=Shell\"\n", Prompt);
        await host.Console.ExpectAsync("xvda: ");
        return new ShellDisk(host);
    }

    /// <summary>How the guest says that its disk is connected.</summary>
    public async Task<string> DescribeAsync()
    {
        await host.Console.TypeAsync("disks");
        await host.Console.ExpectAsync("  ");
        return (await host.Console.ExpectAsync(Prompt)).Trim();
    }

    /// <summary>Lets the guest work: the requests a second that it measured, and what it says of a request.</summary>
    public async Task<(double Rate, double Notifications, double Events)> BenchAsync(DiskWork work, TimeSpan time)
    {
        await host.Console.TypeAsync(string.Create(CultureInfo.InvariantCulture, $"disk bench xvda {work.Kind} {work.KiB} {work.Depth} {time.TotalSeconds}"));
        var said = await host.Console.ExpectAsync(Prompt);
        var result = Result().Match(said);
        return result.Success ? (Number(1), Number(2), Number(3)) : throw new InvalidOperationException(said);

        double Number(int group) => double.Parse(result.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [GeneratedRegex(@", (\d+) a second\s+\d+ ring requests, ([\d.]+) notifications and ([\d.]+) events")]
    private static partial Regex Result();
}
