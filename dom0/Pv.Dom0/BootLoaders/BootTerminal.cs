using System.Text;
using Pv.Dom0.Consoles;
using Pv.Machine;

namespace Pv.Dom0.BootLoaders;

/// <summary>A boot loader's terminal as its domain's console: what the program writes is shown there, and what is typed there is typed to the program.</summary>
internal sealed class BootTerminal : IConsoleEnd
{
    private const int ChunkBytes = 2048, WordsKept = 1024;

    /// <summary>What a program has written is there when it ends; one that it left running has no terminal any more.</summary>
    private static readonly TimeSpan LastWordsPatience = TimeSpan.FromSeconds(2);

    private readonly DomainConsole _console;
    private readonly HostTerminal _terminal;
    private readonly SemaphoreSlim _typing = new(1, 1);
    private readonly Scrollback _said = new(WordsKept);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isOver;

    /// <exception cref="IOException">The host has no terminal to give.</exception>
    public BootTerminal(DomainConsole console)
    {
        _console = console;
        _terminal = HostTerminal.Open();
        new Thread(Show) { IsBackground = true, Name = "boot loader's terminal" }.Start();
        console.Connect(this);
    }

    public string Path => _terminal.Path;

    /// <summary>The last line that the program wrote, or an empty text.</summary>
    public string LastLine
    {
        get
        {
            var position = _said.Start;
            var bytes = new byte[WordsKept];
            var count = _said.Read(ref position, bytes, out _);
            return Encoding.UTF8.GetString(bytes.AsSpan(0, count)).Split('\n').LastOrDefault(line => line.Trim().Length > 0)?.Trim() ?? "";
        }
    }

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        await _typing.WaitAsync(cancel);
        try
        {
            // It waits while the program takes nothing.
            if (!_isOver)
                await Task.Run(() => _terminal.Write(typed.Span), CancellationToken.None).WaitAsync(cancel);
            return true;
        }
        catch (ObjectDisposedException)
        {
            // What is typed to a program that has ended is lost: the console goes on.
            return true;
        }
        finally
        {
            _typing.Release();
        }
    }

    /// <summary>Takes the program's last words, which has ended, and leaves the console to the next.</summary>
    public async ValueTask DisposeAsync()
    {
        _console.Connect(null);
        _terminal.CloseFarSide();
        await _ended.Task.WaitAsync(LastWordsPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _isOver = true;
        _terminal.Dispose();
    }

    private void Show()
    {
        var chunk = new byte[ChunkBytes];
        try
        {
            while (!_isOver && _terminal.Read(chunk) is > 0 and var read)
            {
                _said.Append(chunk.AsSpan(0, read));
                _console.Keep(chunk.AsSpan(0, read));
            }
        }
        catch (ObjectDisposedException)
        {
            // Whoever waited for the last words waits no longer.
        }
        _ended.TrySetResult();
    }
}
