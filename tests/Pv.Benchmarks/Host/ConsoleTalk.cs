using System.Text;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Benchmarks.Host;

/// <summary>A domain's console, to talk with what runs there.</summary>
internal sealed class ConsoleTalk(DomId domain, IConsoleReader console) : IAsyncDisposable
{
    private readonly byte[] _buffer = new byte[4096];
    private readonly StringBuilder _unread = new();

    public DomId Domain => domain;

    /// <summary>Reads until the domain has shown a text (anything, when that is empty). Returns what it showed up to it.</summary>
    /// <exception cref="InvalidOperationException">The console ended before.</exception>
    public async Task<string> ExpectAsync(string text)
    {
        while (true)
        {
            var shown = _unread.ToString();
            var at = shown.IndexOf(text, StringComparison.Ordinal);
            if (at >= 0 && shown.Length > 0)
            {
                _unread.Remove(0, at + text.Length);
                return shown[..at];
            }
            var count = await console.ReadAsync(_buffer, CancellationToken.None);
            if (count == 0)
                throw new InvalidOperationException($"The console ended after: {shown}");
            _unread.Append(Encoding.UTF8.GetString(_buffer, 0, count));
        }
    }

    public ValueTask TypeAsync(string line) => console.WriteAsync(Encoding.UTF8.GetBytes(line + "\r"), CancellationToken.None);

    public ValueTask DisposeAsync() => console.DisposeAsync();
}
