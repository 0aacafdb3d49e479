using Pv.Abi;
using Pv.Dom0.Consoles;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Hosting;

/// <summary>The logs of consoles: of living domains through their consoles, of ended ones from the folders that are kept.</summary>
internal sealed class ConsoleLogs(ConsoleDaemon consoles, DomainFolders folders) : IConsoleLogs
{
    public IConsoleReader? Open(DomId domain, bool follow) => consoles.OpenLog(domain, follow);

    public IConsoleReader? OpenEnded(string word) => folders.FindEnded(word) is { } domain ? new EndedLog(folders.ConsoleLog(domain)) : null;

    /// <summary>Both files of a log that nobody appends to any more.</summary>
    private sealed class EndedLog(string path) : IConsoleReader
    {
        private readonly Queue<string> _files = new([path + ".1", path]);
        private FileStream? _file;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
        {
            while (true)
            {
                if (_file != null && await _file.ReadAsync(buffer, cancel) is > 0 and var read)
                    return read;
                if (_file != null)
                    await _file.DisposeAsync();
                _file = null;
                if (!_files.TryDequeue(out var next))
                    return 0;
                if (File.Exists(next))
                    _file = new FileStream(next, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            }
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel) => throw new IOException("The console is gone.");

        public ValueTask DisposeAsync() => _file?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
