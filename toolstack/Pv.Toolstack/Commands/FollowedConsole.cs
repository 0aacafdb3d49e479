using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>The console of a domain and of those that restarts make of it, as one. What is typed in between is lost.</summary>
/// <remarks>One read and one write at a time, which may be two threads. Disposed once neither is under way.</remarks>
internal sealed class FollowedConsole(IToolstack toolstack, DomId domain, IConsoleReader first, Func<DomId, IConsoleReader?>? open = null) : IConsoleReader
{
    private readonly Func<DomId, IConsoleReader?> _open = open ?? (successor => toolstack.Consoles.Attach(successor, 0));
    private volatile IConsoleReader _console = first;
    // Asked while the domain is there: of one that has been gone for long nobody knows what came after it.
    private Task<DomId?> _next = toolstack.Domains.WaitForSuccessorAsync(domain, CancellationToken.None);

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        while (true)
        {
            if (await _console.ReadAsync(buffer, cancel) is > 0 and var read)
                return read;
            if (await OpenNextAsync(cancel) is not { } console)
                return 0;
            var old = _console;
            _console = console;
            await old.DisposeAsync();
        }
    }

    /// <summary>The console of the next domain that has one still; null when there is none.</summary>
    private async Task<IConsoleReader?> OpenNextAsync(CancellationToken cancel)
    {
        while (await _next.WaitAsync(cancel) is { } successor)
        {
            _next = toolstack.Domains.WaitForSuccessorAsync(successor, CancellationToken.None);
            if (_open(successor) is { } console)
                return console;
        }
        return null;
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        try
        {
            await _console.WriteAsync(typed, cancel);
        }
        catch (IOException)
        {
            // Whoever reads hears that it is over, and whether another follows.
        }
    }

    public ValueTask DisposeAsync() => _console.DisposeAsync();
}
