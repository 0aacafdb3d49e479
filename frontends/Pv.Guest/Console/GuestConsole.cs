using System.Text;

namespace Pv.Guest;

/// <summary>The PV console of a C# guest: text out, bytes and lines in (<c>public/io/console.h</c>).</summary>
/// <remarks>In turns only. A domain without a console loses what is written and reads the end.</remarks>
public sealed class GuestConsole
{
    private readonly ByteRingChannel? _ring;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly LineReader _lines;

    internal GuestConsole(ByteRingChannel? ring)
    {
        _ring = ring;
        _lines = new LineReader(this);
    }

    /// <summary>Writes text; a line feed becomes carriage return and line feed, as a terminal in raw mode needs it.</summary>
    public Task WriteAsync(string text) => WriteAsync(Encode(text));

    public Task WriteLineAsync(string text = "") => WriteAsync(text + "\n");

    /// <summary>Writes bytes as they are. Writers take turns.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_ring is null)
            return;
        await _writing.WaitAsync();
        try
        {
            await _ring.WriteAsync(bytes);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Waits for bytes and takes as many as fit. 0: the console is gone.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> into) => _ring?.ReadAsync(into) ?? new ValueTask<int>(0);

    /// <summary>
    /// Reads a line with echo and modest editing: backspace, ^U (all), ^W (a word), ^C (a new, empty line).
    /// Null: the console is gone, or ^D on an empty line.
    /// </summary>
    public Task<string?> ReadLineAsync(string prompt = "") => _lines.ReadAsync(prompt);

    /// <summary>Writes what the ring has room for, without waiting: a kernel's last words.</summary>
    internal void TryWrite(string text)
    {
        try
        {
            _ring?.TryWrite(Encode(text));
        }
        catch (RingCorruptException)
        {
            // There is nobody left to tell.
        }
    }

    private static byte[] Encode(string text) => Encoding.UTF8.GetBytes(text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal));
}
