using System.Diagnostics;
using System.Globalization;

namespace Pv.Benchmarks.XenStore;

/// <summary>A xenstore daemon in a process of its own, by its socket: one that was started here, or any other.</summary>
internal sealed class StoreDaemon : IDisposable
{
    private const double TicksPerSecond = 100;

    private readonly Process? _own;
    private readonly int _process;

    private StoreDaemon(string name, string socket, Process? own)
    {
        (Name, Socket, _own) = (name, socket, own);
        using var probe = new StoreClient(socket);
        _process = probe.Peer;
    }

    public string Name { get; }

    public string Socket { get; }

    /// <summary>Processor time that it has used so far, in microseconds. The system counts in steps of ten milliseconds.</summary>
    public double ProcessorTime
    {
        get
        {
            var text = File.ReadAllText($"/proc/{_process}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) * 1e6 / TicksPerSecond;
        }
    }

    /// <summary>Starts <c>pvd xenstored</c> from beside this program.</summary>
    public static StoreDaemon Start(string folder)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var pvd = Path.Combine(own.Parent!.Parent!.FullName, "Pv.Dom0", own.Name, "pvd");
        var socket = Path.Combine(folder, "socket");
        var process = Process.Start(new ProcessStartInfo(pvd, ["xenstored", "--socket", socket]) { RedirectStandardOutput = true })!;
        if (process.StandardOutput.ReadLine() != "ready")
            throw new InvalidOperationException($"{pvd} does not start.");
        return new StoreDaemon("pvd xenstored", socket, process);
    }

    /// <summary>One that runs already.</summary>
    public static StoreDaemon At(string socket) => new(socket, socket, own: null);

    public void Dispose()
    {
        _own?.Kill();
        _own?.WaitForExit();
        _own?.Dispose();
    }
}
