using System.Diagnostics;
using System.Text;

namespace Pv.SystemTests.Commands;

/// <summary>An <c>xl</c> that somebody sits at: waits for what it shows, types.</summary>
internal sealed class XlSession(Process process) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly StringBuilder _shown = new();
    private readonly byte[] _chunk = new byte[4096];
    private int _seen;

    /// <summary>Ctrl-].</summary>
    public const string Escape = "\x1d";

    public Process Process => process;

    /// <summary>All that was shown so far.</summary>
    public string Shown => _shown.ToString();

    /// <summary>Reads on until a text comes that was not there at the last call; returns what came with it.</summary>
    public async Task<string> ExpectAsync(string text)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var at = Shown.IndexOf(text, _seen, StringComparison.Ordinal);
            if (at >= 0)
            {
                var part = Shown[_seen..(at + text.Length)];
                _seen = at + text.Length;
                return part;
            }
            if (!await MoreAsync(patience.Token))
                throw new EndOfStreamException($"'{text}' did not come; what came is: {Shown[_seen..]}");
        }
    }

    public async Task TypeAsync(string text)
    {
        await process.StandardInput.WriteAsync(text);
        await process.StandardInput.FlushAsync();
    }

    /// <summary>Waits for its end and returns the exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await MoreAsync(patience.Token))
            continue;
        await process.WaitForExitAsync(patience.Token);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    private async Task<bool> MoreAsync(CancellationToken cancel)
    {
        try
        {
            var read = await process.StandardOutput.BaseStream.ReadAsync(_chunk, cancel);
            _shown.Append(Encoding.UTF8.GetString(_chunk, 0, read));
            return read > 0;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"xl shows nothing more. What it showed: {Shown}");
        }
    }
}
