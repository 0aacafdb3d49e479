using System.Diagnostics;
using System.Text;

namespace Pv.SystemTests.Hosts;

/// <summary>A program that one talks with: what it shows comes as it is written, and waiting is for a text, never for a time.</summary>
internal sealed class Session : IAsyncDisposable
{
    /// <summary>Ctrl-], which leaves a console.</summary>
    public const string Escape = "\x1d";

    /// <summary>Longer than anything takes on a machine that gives the test a tenth of what it wants; only a failure waits for so long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly Process _process;
    private readonly StringBuilder _shown = new();
    private readonly SemaphoreSlim _more = new(0);
    private readonly Task _reading;
    private int _read;
    private volatile bool _ended;

    private Session(ProcessStartInfo start, bool reads = true)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        _process = Process.Start(start)!;
        _reading = reads ? ReadAsync() : Task.CompletedTask;
    }

    /// <summary>All that it has shown, errors included.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
                return _shown.ToString();
        }
    }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public static Session Start(ProcessStartInfo start) => new(start);

    /// <summary>One whose output stays in its pipe.</summary>
    public static Session StartUnread(ProcessStartInfo start) => new(start, reads: false);

    /// <summary>The same at a terminal of its own, by script(1).</summary>
    public static Session StartAtTerminal(ProcessStartInfo start)
    {
        var words = start.ArgumentList.Prepend(start.FileName).Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'");
        var terminal = new ProcessStartInfo("script", ["-q", "-e", "-f", "-c", $"exec {string.Join(' ', words)}", "/dev/null"]) { WorkingDirectory = start.WorkingDirectory };
        foreach (var (name, value) in start.Environment)
            terminal.Environment[name] = value;
        return new Session(terminal);
    }

    /// <summary>Waits until a text was shown behind what was expected before. Returns what was shown up to it, with it.</summary>
    /// <exception cref="InvalidOperationException">It ended or waited too long without showing it.</exception>
    public async Task<string> ExpectAsync(string text)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var ended = _ended;
            if (TryTake(text) is { } found)
                return found;
            if (ended)
                throw new InvalidOperationException($"It ended without showing '{text}', after: {Shown}");
            try
            {
                await _more.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                throw new InvalidOperationException($"It does not show '{text}', after: {Shown}");
            }
        }
    }

    public async Task SendAsync(string text)
    {
        await _process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(text));
        await _process.StandardInput.BaseStream.FlushAsync();
    }

    /// <summary>Sends a line and waits for a text of the answer.</summary>
    public async Task<string> AskAsync(string line, string answer)
    {
        await SendAsync(line + "\r");
        return await ExpectAsync(answer);
    }

    /// <summary>Closes its input.</summary>
    public void EndInput() => _process.StandardInput.Close();

    /// <summary>Waits for its end. Returns the exit code.</summary>
    public async Task<int> ExitAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"It does not end, after: {Shown}");
        }
        await _reading;
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
        _more.Dispose();
    }

    private string? TryTake(string text)
    {
        lock (_shown)
        {
            var unread = _shown.ToString(_read, _shown.Length - _read);
            var at = unread.IndexOf(text, StringComparison.Ordinal);
            if (at < 0)
                return null;
            _read += at + text.Length;
            return unread[..(at + text.Length)];
        }
    }

    private async Task ReadAsync()
    {
        await Task.WhenAll(ReadAsync(_process.StandardOutput), ReadAsync(_process.StandardError));
        _ended = true;
        _more.Release();
    }

    private async Task ReadAsync(StreamReader stream)
    {
        var chunk = new char[4096];
        while (await stream.ReadAsync(chunk) is > 0 and var count)
        {
            lock (_shown)
                _shown.Append(chunk, 0, count);
            _more.Release();
        }
    }
}
