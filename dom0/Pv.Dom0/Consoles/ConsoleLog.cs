namespace Pv.Dom0.Consoles;

/// <summary>
/// A console's log on disk, bounded: when the file has half of the limit it becomes <c>NAME.1</c>, in place of the one before, and a new one begins.
/// So the newest half of the limit is always there, and at most all of it.
/// </summary>
/// <remarks>One thread at a time. A disk that refuses costs the log, not the console; the refusal is told once.</remarks>
internal sealed class ConsoleLog : IDisposable
{
    private readonly string _path;
    private readonly long _half;
    private readonly Action<string> _report;
    private FileStream? _file;
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
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_failed)
            return;
        try
        {
            while (!bytes.IsEmpty)
            {
                _file ??= Open();
                if (_file.Length >= _half)
                    Rotate();
                var count = (int)Math.Min(bytes.Length, _half - _file!.Length);
                _file.Write(bytes[..count]);
                bytes = bytes[count..];
            }
            _file?.Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _failed = true;
            _report($"the console log {_path} ends: {failure.Message}");
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
        File.Move(_path, _path + ".1", overwrite: true);
        _file = Open();
    }

    private FileStream Open() => new(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
}
