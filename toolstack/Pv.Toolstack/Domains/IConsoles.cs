using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <summary>The consoles of domains, as the console daemon keeps them. Any number may read one at a time.</summary>
public interface IConsoles
{
    /// <summary>Attaches to a domain's console. Null when the domain has none of that kind and number.</summary>
    IConsoleReader? Attach(DomId domain, int number);
}

/// <summary>The logs of consoles on disk. They are bounded, and those of domains that have ended go after a while.</summary>
public interface IConsoleLogs
{
    /// <summary>Reads a domain's log from its oldest byte. Null when the domain has no console.</summary>
    /// <param name="domain">Whose log it is.</param>
    /// <param name="follow">Goes on with what the console says from now on, to its end; else the reader ends with what there is.</param>
    IConsoleReader? Open(DomId domain, bool follow);

    /// <summary>Reads the log of the last domain of that name or number that has ended; null when none is known.</summary>
    IConsoleReader? OpenEnded(string word);
}

/// <summary>One reader of a console. It starts with the scrollback, and its slowness is its own: what it misses is told, and lost to nobody else.</summary>
public interface IConsoleReader : IAsyncDisposable
{
    /// <summary>At least one byte of what the guest wrote; 0 once the console is gone with its domain.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Sends what was typed. Waits while the guest's ring is full.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel);
}
