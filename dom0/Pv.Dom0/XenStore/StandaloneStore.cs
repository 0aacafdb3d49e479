using System.Runtime;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Dom0.XenStore;

/// <summary>xenstored without a machine: domains are those that have a socket, and they are as long as this process is.</summary>
internal sealed class StandaloneStore(StandaloneStoreOptions options) : IStoreHost
{
    /// <summary>Serves until it is told to stop. Returns the exit code.</summary>
    public static async Task<int> RunAsync(StandaloneStoreOptions options)
    {
        GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.TrySetResult();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await using var daemon = new XenStoreDaemon(new StandaloneStore(options));
            await daemon.ListenAsync(options.Socket, DomId.Dom0);
            foreach (var (domain, path) in options.Guests)
                await daemon.ListenAsync(path, domain);
            await Console.Out.WriteLineAsync("ready");
            await stop.Task;
            return 0;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    public StoreDomainState StateOf(DomId domain) => options.Guests.ContainsKey(domain) ? StoreDomainState.Alive : StoreDomainState.Gone;

    /// <summary>Nobody has a ring here.</summary>
    public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
    {
        channel = null;
        return Errno.EINVAL;
    }

    public void Log(string line) => Console.Error.WriteLine(line);
}
