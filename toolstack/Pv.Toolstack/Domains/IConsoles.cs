using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <summary>The consoles of domains, as the console daemon keeps them. Any number may read one at a time.</summary>
public interface IConsoles
{
    /// <summary>Attaches to a domain's console. Null when the domain has none of that kind and number.</summary>
    IConsoleReader? Attach(DomId domain, int number);
}

/// <summary>One reader of a console. It starts with the scrollback, and its slowness is its own: what it misses is told, and lost to nobody else.</summary>
public interface IConsoleReader : IAsyncDisposable
{
    /// <summary>At least one byte of what the guest wrote; 0 once the console is gone with its domain.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Sends what was typed. Waits while the guest's ring is full.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel);
}
