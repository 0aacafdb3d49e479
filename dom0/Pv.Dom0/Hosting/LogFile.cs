using Microsoft.Extensions.Logging;

namespace Pv.Dom0.Hosting;

/// <summary><c>pvd.log</c>: a line an event, bounded. When the file is full it becomes <c>pvd.log.old</c>, and a new one begins.</summary>
internal sealed class LogFile : ILoggerProvider
{
    private const long Largest = 4 << 20;

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly bool _alsoToTerminal;
    private StreamWriter _file;
    private long _length;

    public LogFile(string path, bool alsoToTerminal)
    {
        (_path, _alsoToTerminal) = (path, alsoToTerminal);
        _length = File.Exists(path) ? new FileInfo(path).Length : 0;
        _file = Open();
    }

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void Dispose()
    {
        lock (_lock)
            _file.Dispose();
    }

    private void Write(string line)
    {
        lock (_lock)
        {
            try
            {
                if (_length + line.Length > Largest)
                    Turn();
                _file.WriteLine(line);
                _length += line.Length + 1;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // A full disk, or the last words of a process that is leaving: there is nowhere to complain.
            }
            if (_alsoToTerminal)
                Console.Error.WriteLine(line);
        }
    }

    private void Turn()
    {
        _file.Dispose();
        File.Move(_path, _path + ".old", overwrite: true);
        _length = 0;
        _file = Open();
    }

    private StreamWriter Open() => new(new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) { AutoFlush = true };

    private sealed class Category(LogFile file, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var level = logLevel switch { LogLevel.Information => "", LogLevel.Warning => "warning: ", _ => "error: " };
            file.Write($"{DateTimeOffset.Now:yyyy-MM-dd HH:mm:ss.fff} {name}: {level}{formatter(state, exception)}{(exception == null ? "" : $": {exception}")}");
        }
    }
}
