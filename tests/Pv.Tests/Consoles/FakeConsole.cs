using NUnit.Framework;
using Pv.Abi;
using Pv.Dom0.Consoles;
using Pv.Guest;
using Pv.Machine;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Consoles;

/// <summary>A domain's console page with the domain's end of it, and a daemon that serves it.</summary>
internal sealed class FakeConsole : IConsoleChannel
{
    public static readonly DomId Domain = new(7);

    private readonly MachineMemory _memory = new(1);
    private readonly ByteRingWriter _out;
    private readonly ByteRingReader _in;
    private readonly SemaphoreSlim _notified = new(0);
    private Action? _handler;

    public FakeConsole(int scrollback = ConsoleDaemon.DefaultScrollbackBytes, long log = ConsoleDaemon.DefaultLogBytes)
    {
        Folder = Directory.CreateTempSubdirectory("pv-console-").FullName;
        LogPath = Path.Combine(Folder, "console.log");
        Page = new SharedPage(_memory, new Mfn(0));
        _out = new ByteRingWriter(Page, ByteRingLayout.ConsoleOut);
        _in = new ByteRingReader(Page, ByteRingLayout.ConsoleIn);
        Daemon = new ConsoleDaemon(line =>
        {
            lock (Reports)
                Reports.Add(line);
        });
        Daemon.Open(Domain, this, LogPath, log, scrollback);
    }

    public ConsoleDaemon Daemon { get; }

    public SharedPage Page { get; }

    public string Folder { get; }

    public string LogPath { get; }

    public List<string> Reports { get; } = [];

    public bool IsDisposed { get; private set; }

    public Action? Handler
    {
        set => Volatile.Write(ref _handler, value);
    }

    public IConsoleReader Attach() => Daemon.Attach(Domain, 0)!;

    public void Notify() => _notified.Release();

    /// <summary>The domain's event.</summary>
    public void Raise() => Volatile.Read(ref _handler)?.Invoke();

    /// <summary>The domain writes, waiting as a kernel would while the ring is full.</summary>
    public void Say(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            _out.TryWrite(bytes, out var written);
            bytes = bytes[written..];
            Raise();
            if (written == 0)
                Thread.Yield();
        }
    }

    /// <summary>The domain takes what was typed: at least one byte.</summary>
    public async Task<byte[]> HearAsync(int most)
    {
        var bytes = new byte[most];
        while (true)
        {
            _in.TryRead(bytes, out var read, out _);
            if (read > 0)
            {
                Raise();
                return bytes[..read];
            }
            await _notified.WaitAsync(TestContext.CurrentContext.CancellationToken);
        }
    }

    public void Dispose()
    {
        IsDisposed = true;
        Handler = null;
    }

    public async ValueTask EndAsync()
    {
        await Daemon.DisposeAsync();
        _memory.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
