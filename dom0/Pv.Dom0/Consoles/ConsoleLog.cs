namespace Pv.Dom0.Consoles;

/// <summary>
/// A console's log on disk, bounded: when the file has half of the limit it becomes <c>NAME.1</c>, in place of the one before, and a new one begins.
/// So the newest half of the limit is always there, and at most all of it.
/// </summary>
/// <remarks>One thread appends, any read. A disk that refuses costs the log, not the console; the refusal is told once.</remarks>
internal sealed class ConsoleLog : IConsoleHistory, IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly long _half;
    private readonly Action<string> _report;
    private FileStream? _file;
    // Where the older file begins, where the newer one does, and where it ends.
    private long _oldest, _newer, _end;
    private bool _failed;

    /// <param name="path">The file; one that exists is continued.</param>
    /// <param name="limit">The most bytes of both files together.</param>
    /// <param name="report">Told of a disk that refuses.</param>
    public ConsoleLog(string path, long limit, Action<string> report)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 2);
        _path = path;
        _half = limit / 2;
        _report = report;
        _newer = LengthOf(OlderPath);
        _end = _newer + LengthOf(path);
    }

    public long Start
    {
        get
        {
            lock (_lock)
                return _oldest;
        }
    }

    private string OlderPath => _path + ".1";

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_failed)
            return;
        try
        {
            while (!bytes.IsEmpty)
            {
                lock (_lock)
                {
                    _file ??= Open();
                    if (_end - _newer >= _half)
                        Rotate();
                    var count = (int)Math.Min(bytes.Length, _half - (_end - _newer));
                    _file!.Write(bytes[..count]);
                    _file.Flush();
                    _end += count;
                    bytes = bytes[count..];
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _failed = true;
            _report($"the console log {_path} ends: {failure.Message}");
        }
    }

    public int Read(ref long position, Span<byte> into, out long lost)
    {
        lock (_lock)
        {
            lost = Math.Max(0, _oldest - position);
            position += lost;
            var (path, start, end) = position < _newer ? (OlderPath, _oldest, _newer) : (_path, _newer, _end);
            var count = (int)Math.Min(into.Length, end - position);
            if (count == 0)
                return 0;
            try
            {
                using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                count = RandomAccess.Read(file, into[..count], position - start);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // Somebody removed it: there is no more to read.
                return 0;
            }
            position += count;
            return count;
        }
    }

    public void Dispose()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException failure)
        {
            _report($"the console log {_path} ends: {failure.Message}");
        }
    }

    private void Rotate()
    {
        _file!.Dispose();
        _file = null;
        File.Move(_path, OlderPath, overwrite: true);
        (_oldest, _newer) = (_newer, _end);
        _file = Open();
    }

    private static long LengthOf(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    private FileStream Open() => new(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
}
