namespace Pv.Dom0.Consoles;

/// <summary>Whom a console's typists speak to: the guest behind its ring, or the program that chooses what the guest boots.</summary>
internal interface IConsoleEnd : IAsyncDisposable
{
    /// <summary>Hands over what was typed. Waits for its turn, and while nothing is taken. False: the console is over.</summary>
    ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel);
}
