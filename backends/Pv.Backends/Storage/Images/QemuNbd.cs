using System.Net.Sockets;
using Pv.Backends.Programs;
using Pv.Backends.Storage.Nbd;

namespace Pv.Backends.Storage.Images;

/// <summary>The qemu-nbd of one image, started when somebody connects and none runs.</summary>
/// <remarks>
/// It serves one connection and ends with it, so a process of ours that goes, however that may be, takes it along, and the image is closed
/// in order. Its cache is the host's (<c>writeback</c>): a flush becomes an fdatasync.
/// </remarks>
public sealed class QemuNbd : INbdServer
{
    /// <summary>What a path of a unix socket may have, in bytes.</summary>
    private const int LongestSocketPath = 107;

    private const string Program = "qemu-nbd";
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(20), EndPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(3);

    private readonly DiskImage _image;
    private readonly string _socketPath;
    private readonly Action<string> _report;
    private OutsideProgram? _program;

    /// <param name="image">What it serves.</param>
    /// <param name="socketPath">Where its socket shall be; nobody else's.</param>
    /// <param name="report">Gets a line for a log.</param>
    public QemuNbd(DiskImage image, string socketPath, Action<string> report)
    {
        _image = image;
        _socketPath = socketPath;
        _report = report;
    }

    public string Name => _image.Path;

    /// <summary>Opens an image as a storage.</summary>
    /// <param name="image">What to open.</param>
    /// <param name="socketPath">Where the socket between qemu-nbd and this process shall be.</param>
    /// <param name="report">Gets a line for a log about connections that break, and what qemu-nbd says.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="StorageException">There is no qemu-nbd, or it cannot open the image.</exception>
    public static async Task<NbdStorage> OpenAsync(DiskImage image, string socketPath, Action<string> report, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        return await NbdStorage.OpenAsync(new QemuNbd(image, socketPath, report), image.IsReadOnly, image.Discards, report, cancel);
    }

    public async Task<Socket> ConnectAsync(CancellationToken cancel)
    {
        await EndLastAsync();
        _program = await StartAsync();
        var patience = Environment.TickCount64 + (long)StartPatience.TotalMilliseconds;
        var socket = (Socket?)null;
        try
        {
            while (true)
            {
                // It listens before it opens the image: only its greeting says that it serves.
                socket ??= TryConnect();
                if (socket is not null && socket.Poll(0, SelectMode.SelectRead))
                {
                    var greets = socket.Available > 0;
                    var found = socket;
                    socket = null;
                    if (greets)
                        return found;
                    found.Dispose();
                }
                if (_program.HasExited)
                {
                    var reason = await ReasonAsync(_program);
                    await EndAsync();
                    throw new StorageException($"{_image.Path} cannot be opened: {reason}");
                }
                if (Environment.TickCount64 > patience)
                    throw new StorageException($"{_image.Path} cannot be opened: {Program} does not answer");
                await Task.Delay(LookAgain, cancel);
            }
        }
        finally
        {
            socket?.Dispose();
        }
    }

    /// <summary>Waits for the server, which has lost its connection, to close the image.</summary>
    public ValueTask DisposeAsync() => new(EndLastAsync());

    /// <summary>The server ends with its connection, and has the image until then.</summary>
    private async Task EndLastAsync()
    {
        if (_program is { } program && !await program.EndAsync(EndPatience))
            _report($"{_image.Path}: {Program} (process {program.ProcessId}) did not end by itself and is killed");
        await EndAsync();
    }

    private async Task<OutsideProgram> StartAsync()
    {
        if (OutsideProgram.Find(Program) is not { } path)
            throw new StorageException($"{_image.Path} is opened by {Program}, which is not installed here: install qemu-utils");
        if (System.Text.Encoding.UTF8.GetByteCount(_socketPath) > LongestSocketPath)
            throw new StorageException($"{_socketPath} is too long for the path of a socket; choose a shorter run directory");
        File.Delete(_socketPath);
        try
        {
            return await OutsideProgram.StartAsync(path, Arguments(), line => _report($"{_image.Path}: {line}"));
        }
        catch (IOException failure)
        {
            throw new StorageException(failure.Message, failure);
        }
    }

    private List<string> Arguments()
    {
        List<string> arguments =
        [
            $"--socket={_socketPath}",
            $"--format={FormatName(_image.Format)}",
            "--cache=writeback",
            $"--discard={(_image.Discards && !_image.IsReadOnly ? "unmap" : "ignore")}",
        ];
        if (_image.IsReadOnly)
            arguments.Add("--read-only");
        arguments.Add("--");
        arguments.Add(_image.Path);
        return arguments;
    }

    private static string FormatName(ImageFormat format) => format switch
    {
        ImageFormat.Qcow => "qcow",
        ImageFormat.Qcow2 => "qcow2",
        ImageFormat.Qed => "qed",
        ImageFormat.Vhd => "vpc",
        ImageFormat.Vmdk => "vmdk",
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    private Socket? TryConnect()
    {
        if (!File.Exists(_socketPath))
            return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(_socketPath));
            return socket;
        }
        catch (SocketException)
        {
            // Not yet listening.
            socket.Dispose();
            return null;
        }
    }

    // All that it said is read when both its outputs have ended.
    private static async Task<string> ReasonAsync(OutsideProgram program)
    {
        await program.EndAsync(EndPatience);
        return program.LastWords is { Length: > 0 } words ? words : $"{Program} ended without a word";
    }

    private async Task EndAsync()
    {
        if (_program is { } program)
        {
            _program = null;
            await program.DisposeAsync();
        }
        File.Delete(_socketPath);
    }
}
