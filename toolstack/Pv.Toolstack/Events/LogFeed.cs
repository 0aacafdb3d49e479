namespace Pv.Toolstack.Events;

/// <summary>The lines of <c>pvd</c>'s log as they come, for whoever wants to see them beside a command. Any thread.</summary>
public sealed class LogFeed
{
    private event Action<LogDepth, string>? Said;

    /// <summary>Somebody has logged a line.</summary>
    public void Publish(LogDepth depth, string line) => Said?.Invoke(depth, line);

    /// <summary>Calls <paramref name="take"/>, which never waits, with each line down to a depth, until the result is disposed of.</summary>
    public IDisposable Follow(LogDepth deepest, Action<string> take)
    {
        Said += Judge;
        return new Following(() => Said -= Judge);

        void Judge(LogDepth depth, string line)
        {
            if (depth <= deepest)
                take(line);
        }
    }

    private sealed class Following(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

/// <summary>How deep inside it happened.</summary>
public enum LogDepth
{
    /// <summary>What is done to domains.</summary>
    Domains = 1,

    /// <summary>What Dom0's daemons do for that: disks, consoles, the store.</summary>
    Daemons = 2,

    /// <summary>What the hypervisor says.</summary>
    Hypervisor = 3,
}
