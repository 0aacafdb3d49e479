using System.Collections.Concurrent;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Consoles;

/// <summary>The console daemon: a back end for each domain's console, from its opening by the toolstack to the domain's end.</summary>
/// <remarks>Any thread. <paramref name="report"/> gets a line when a console breaks or its log cannot be written.</remarks>
public sealed class ConsoleDaemon(Action<string> report) : IConsoles, IAsyncDisposable
{
    /// <summary>The most bytes of a domain's console log, as of the daemon's own with Xen's default limit.</summary>
    public const long DefaultLogBytes = 1 << 20;

    /// <summary>How much of what a console said a new reader is shown.</summary>
    public const int DefaultScrollbackBytes = 64 << 10;

    private readonly ConcurrentDictionary<DomId, DomainConsole> _consoles = [];
    private readonly ConcurrentDictionary<(DomId Domain, int Number), DomainConsole> _others = [];

    /// <summary>Begins to serve a domain's console, which has a page and a channel.</summary>
    /// <param name="domain">Whose console it is.</param>
    /// <param name="channel">The page and the event channel; the daemon's from now on.</param>
    /// <param name="logPath">Where its log goes; the folder exists. One that was prepared goes on with its own.</param>
    /// <param name="logBytes">The log's limit.</param>
    /// <param name="scrollbackBytes">The scrollback's size.</param>
    /// <exception cref="InvalidOperationException">The domain has a console already.</exception>
    public void Open(DomId domain, IConsoleChannel channel, string logPath, long logBytes = DefaultLogBytes, int scrollbackBytes = DefaultScrollbackBytes)
    {
        var console = _consoles.GetOrAdd(domain, _ => new DomainConsole(domain, new ConsoleLog(logPath, logBytes, report), scrollbackBytes, report));
        if (console.IsConnected)
        {
            channel.Dispose();
            throw new InvalidOperationException($"{domain} has a console already.");
        }
        console.Connect(new ConsoleRing(console, channel));
    }

    /// <summary>The console of a domain that has no page and no channel yet: others may read it, and speak there until <see cref="Open"/>.</summary>
    internal DomainConsole Prepare(DomId domain, string logPath)
        => _consoles.GetOrAdd(domain, _ => new DomainConsole(domain, new ConsoleLog(logPath, DefaultLogBytes, report), DefaultScrollbackBytes, report));

    /// <summary>Makes one more console of a domain, at which <paramref name="end"/> speaks. It has no log. Whoever makes it ends it.</summary>
    internal DomainConsole Add(DomId domain, int number, IConsoleEnd end)
    {
        var console = new DomainConsole(domain, null, DefaultScrollbackBytes, report);
        console.Connect(end);
        return _others[(domain, number)] = console;
    }

    /// <summary>Ends a console that was added.</summary>
    internal ValueTask RemoveAsync(DomId domain, int number)
        => _others.TryRemove((domain, number), out var console) ? console.DisposeAsync() : ValueTask.CompletedTask;

    public IConsoleReader? Attach(DomId domain, int number)
    {
        if (number == 0)
            return _consoles.TryGetValue(domain, out var first) ? first.Attach() : null;
        return _others.TryGetValue((domain, number), out var other) ? other.Attach() : null;
    }

    /// <summary>Reads a domain's log from its oldest byte; null when it has no console.</summary>
    public IConsoleReader? OpenLog(DomId domain, bool follow) => _consoles.TryGetValue(domain, out var console) ? console.OpenLog(follow) : null;

    /// <summary>What has passed through the rings of all consoles that have one.</summary>
    public IReadOnlyList<(DomId Domain, ConsoleCounts Counts)> Measure()
        => [.. from console in _consoles let counts = console.Value.Measure() where counts != null select (console.Key, counts)];

    /// <summary>Ends a domain's console: takes its last words, lets its page go, and shows its readers the end. Nothing happens where there is none.</summary>
    public ValueTask CloseAsync(DomId domain)
        => _consoles.TryRemove(domain, out var console) ? console.DisposeAsync() : ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var domain in _consoles.Keys)
            await CloseAsync(domain);
    }
}
