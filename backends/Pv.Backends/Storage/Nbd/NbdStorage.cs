using System.Net.Sockets;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Backends.Storage.Nbd;

/// <summary>A disk behind an NBD server.</summary>
/// <remarks>
/// When the connection breaks, what was outstanding fails with EIO, and so does what comes until a new one stands; tries for that are few.
/// A server that went may have taken writes with it that it had called done: the next flush after such a loss fails, since nobody can
/// promise what it asks for.
/// </remarks>
public sealed class NbdStorage : IBlockStorage
{
    private const int Tries = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(20);

    /// <summary>A connection that lasted so long was a good one: the tries count from the first again.</summary>
    private static readonly TimeSpan GoodLife = TimeSpan.FromSeconds(30);

    private readonly INbdServer _server;
    private readonly NbdExport _export;
    private readonly Action<string> _report;
    private readonly TransferFailures _failures;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private NbdConnection? _connection;
    private Task _reconnecting = Task.CompletedTask;
    private long _connectedAt;
    private int _tries;
    private int _hasLostWrites;
    private string? _fault;

    private NbdStorage(INbdServer server, NbdExport export, bool discards, Action<string> report)
    {
        _server = server;
        _export = export;
        _report = report;
        _failures = new TransferFailures(server.Name, report);
        LogicalSectorSize = Math.Max(FileStorage.FileSector, (int)export.MinimumBlock);
        PhysicalSectorSize = Math.Max(LogicalSectorSize, (int)export.PreferredBlock);
        Capacity = export.Size / LogicalSectorSize * LogicalSectorSize;
        IsReadOnly = export.Can(NbdExportFlags.ReadOnly);
        if (export.Can(NbdExportFlags.Flush))
            Features |= BlockFeatures.Flush;
        if (export.Can(NbdExportFlags.ForceUnitAccess))
            Features |= BlockFeatures.ForceUnitAccess;
        if (discards && !IsReadOnly && export.Can(NbdExportFlags.Trim))
        {
            Features |= BlockFeatures.Discard;
            DiscardGranularity = PhysicalSectorSize;
        }
    }

    public long Capacity { get; }

    public int LogicalSectorSize { get; }

    public int PhysicalSectorSize { get; }

    public bool IsReadOnly { get; }

    public BlockFeatures Features { get; }

    public int DiscardGranularity { get; }

    public string? Fault => Volatile.Read(ref _fault);

    public event Action? FaultChanged;

    /// <summary>Connects to a server, which is this storage's from then on.</summary>
    /// <param name="server">Disposed with the storage, and when this fails.</param>
    /// <param name="isReadOnly">Whether the disk is only to be read: it may be either then; otherwise a server that only reads is refused.</param>
    /// <param name="discards">Whether the guest may give parts back.</param>
    /// <param name="report">Gets a line for a log about connections that break and new ones.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="StorageException">The server cannot be reached, or serves nothing that is a disk.</exception>
    public static async Task<NbdStorage> OpenAsync(INbdServer server, bool isReadOnly, bool discards, Action<string> report, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(server);
        try
        {
            var (socket, export) = await ConnectAsync(server, cancel);
            if (export.Can(NbdExportFlags.ReadOnly) && !isReadOnly)
            {
                socket.Dispose();
                throw new StorageException($"{server.Name} can only be read");
            }
            var storage = new NbdStorage(server, isReadOnly ? export with { Flags = export.Flags | NbdExportFlags.ReadOnly } : export, discards, report);
            storage.Begin(socket);
            return storage;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public void Submit(ReadOnlySpan<BlockTransfer> batch)
    {
        var connection = Volatile.Read(ref _connection);
        if (connection is not null && Volatile.Read(ref _hasLostWrites) == 0)
        {
            connection.Submit(batch);
            return;
        }
        foreach (var transfer in batch)
        {
            if (connection is null || (transfer.Action == BlockAction.Flush && Interlocked.Exchange(ref _hasLostWrites, 0) == 1))
                transfer.Complete(Errno.EIO);
            else
                connection.Submit(new ReadOnlySpan<BlockTransfer>(in transfer));
        }
    }

    public async ValueTask DisposeAsync()
    {
        NbdConnection? connection;
        Task reconnecting;
        lock (_lock)
        {
            _stop.Cancel();
            (connection, _connection) = (_connection, null);
            reconnecting = _reconnecting;
        }
        if (connection is not null)
            await connection.CloseAsync();
        await reconnecting;
        await _server.DisposeAsync();
    }

    private static async Task<(Socket Socket, NbdExport Export)> ConnectAsync(INbdServer server, CancellationToken cancel)
    {
        var socket = await server.ConnectAsync(cancel);
        try
        {
            // In blocking mode, as the connection needs it: the handshake is short, and waits no longer than its time-out.
            socket.SendTimeout = socket.ReceiveTimeout = (int)HandshakePatience.TotalMilliseconds;
            var export = await Task.Run(() => NbdHandshake.Negotiate(new NetworkStream(socket)), cancel);
            socket.SendTimeout = socket.ReceiveTimeout = 0;
            if (export.MaximumPayload < NbdWire.UsualMaximum / 16)
                throw new StorageException($"the server takes no more than {export.MaximumPayload} bytes at once");
            return (socket, export);
        }
        catch (Exception failure) when (failure is IOException or StorageException)
        {
            socket.Dispose();
            throw new StorageException($"{server.Name}: {failure.Message}", failure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void Begin(Socket socket)
    {
        var connection = new NbdConnection(new HostSocket(socket), _export, _server.Name, OnLost, _failures.Note);
        _connectedAt = Environment.TickCount64;
        Volatile.Write(ref _connection, connection);
        connection.Start();
    }

    private void OnLost(NbdConnection connection, string reason)
    {
        lock (_lock)
        {
            if (connection.HasUnflushed)
                Volatile.Write(ref _hasLostWrites, 1);
            Volatile.Write(ref _connection, null);
            if (_stop.IsCancellationRequested)
                return;
            if (Environment.TickCount64 - _connectedAt > GoodLife.TotalMilliseconds)
                _tries = 0;
            _reconnecting = Task.Run(() => ReconnectAsync(reason));
        }
    }

    private void SetFault(string? fault)
    {
        Volatile.Write(ref _fault, fault);
        FaultChanged?.Invoke();
    }

    /// <summary>Says what is wrong in the log, and to whoever shows it to the domain's owner.</summary>
    private void Fail(string reason)
    {
        _report($"{_server.Name}: {reason}");
        SetFault($"{_server.Name}: {reason}");
    }

    private async Task ReconnectAsync(string reason)
    {
        Fail($"the connection to its server broke: {reason}");
        var last = reason;
        while (_tries < Tries)
        {
            try
            {
                await Task.Delay(FirstPause * (1 << _tries++), _stop.Token);
                var (socket, export) = await ConnectAsync(_server, _stop.Token);
                if (export.Size != _export.Size || (export.Can(NbdExportFlags.ReadOnly) && !IsReadOnly))
                {
                    socket.Dispose();
                    Fail($"it is another disk now ({export.Size} bytes): the disk fails from here on");
                    return;
                }
                lock (_lock)
                {
                    if (!_stop.IsCancellationRequested)
                    {
                        Begin(socket);
                        _report($"{_server.Name}: connected again");
                        SetFault(null);
                        return;
                    }
                }
                socket.Dispose();
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception failure) when (failure is StorageException or IOException or SocketException)
            {
                last = failure.Message;
                _report($"{_server.Name}: no connection ({last})");
            }
        }
        Fail($"its server does not come back, and the disk fails from here on: {last}");
    }
}
