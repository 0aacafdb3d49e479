using Pv.Toolstack.Control;

namespace Pv.Toolstack.Commands;

/// <summary>The place where a command was typed: its words' files, its terminal, its signals. One command owns it.</summary>
public interface ICommandTerminal
{
    /// <summary>What the standard streams are; the size follows the terminal's.</summary>
    TerminalFacts Facts { get; }

    /// <summary>The working directory there.</summary>
    string Directory { get; }

    /// <summary>An environment variable there, or null. Only those that commands look at are known.</summary>
    string? Variable(string name);

    /// <summary>Cancelled when nobody is there any more, or <c>pvd</c> stops.</summary>
    CancellationToken Gone { get; }

    /// <summary>Writes to a standard stream (output or error). Waits while the terminal is stopped.</summary>
    /// <exception cref="OperationCanceledException">Nobody is there any more.</exception>
    ValueTask WriteAsync(StandardStreams stream, ReadOnlyMemory<byte> bytes);

    /// <summary>The content of a file as seen from there (<c>-</c>, <c>/dev/stdin</c>, <c>/dev/fd/N</c>).</summary>
    /// <exception cref="IOException">It cannot be read, or is longer than <paramref name="limit"/> bytes.</exception>
    Task<byte[]> ReadFileAsync(string path, int limit);

    /// <summary>Asks the user; null when there is no answer to be had.</summary>
    Task<string?> AskAsync(string question, bool hidden);

    /// <summary>Standard input from now on, until it is disposed.</summary>
    /// <param name="raw">Puts the terminal, if it is one, into raw mode.</param>
    /// <param name="escape">The byte that leaves, or null for none.</param>
    ValueTask<ITerminalInput> OpenInputAsync(bool raw, byte? escape);

    /// <summary>From now on the first interrupt cancels this token instead of ending <c>xl</c>.</summary>
    ValueTask<CancellationToken> TakeSignalsAsync();
}

/// <summary>Standard input while a command has it. One reader.</summary>
public interface ITerminalInput : IAsyncDisposable
{
    /// <summary>At least one byte; 0 once it has ended. What is not read yet holds up the typist, nobody else.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Why it ended; meaningful once <see cref="ReadAsync"/> has returned 0.</summary>
    InputEnding Ending { get; }
}
