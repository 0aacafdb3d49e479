using System.Collections.Concurrent;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore.Sockets;

/// <summary>A daemon with sockets in a folder of its own: one for tools, and one for domain 1.</summary>
internal sealed class SocketStore : IStoreHost, IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pv-xs-").FullName;

    private SocketStore()
    {
        Daemon = new XenStoreDaemon(this);
    }

    public static DomId Guest => new(1);

    public XenStoreDaemon Daemon { get; }

    public string ToolPath => Path("tools");

    public string GuestPath => Path("guest");

    public ConcurrentQueue<string> LogLines { get; } = new();

    public static async Task<SocketStore> StartAsync()
    {
        var store = new SocketStore();
        await store.Daemon.ListenAsync(store.ToolPath, DomId.Dom0);
        await store.Daemon.ListenAsync(store.GuestPath, Guest);
        return store;
    }

    public string Path(string name) => System.IO.Path.Combine(_folder, name);

    public SocketPeer OpenTool() => new(ToolPath);

    public SocketPeer OpenGuest() => new(GuestPath);

    /// <summary>Waits until the loop has nothing to do, and sees that it stays so.</summary>
    public void ExpectSleep()
    {
        var sleeps = SpinWait.SpinUntil(
            () =>
            {
                var before = Daemon.Loop.Looks;
                Thread.Sleep(50);
                return before == Daemon.Loop.Looks;
            },
            TimeSpan.FromSeconds(10));
        Assert.That(sleeps, Is.True, "the loop turns without anything to do");
    }

    public StoreDomainState StateOf(DomId domain) => domain == Guest ? StoreDomainState.Alive : StoreDomainState.Gone;

    public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
    {
        channel = null;
        return Errno.EINVAL;
    }

    public void Log(string line) => LogLines.Enqueue(line);

    public async ValueTask DisposeAsync()
    {
        await Daemon.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
