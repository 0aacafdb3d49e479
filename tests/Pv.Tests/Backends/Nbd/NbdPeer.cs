using System.Buffers.Binary;
using System.Net.Sockets;
using Pv.Backends.Storage;
using Pv.Backends.Storage.Nbd;

namespace Pv.Tests.Backends.Nbd;

/// <summary>A server of NBD for tests, on sockets in this process, written from the protocol alone: a disk in an array, and a test's hand on each answer.</summary>
internal sealed class NbdPeer(byte[] disk, NbdExportFlags flags) : INbdServer
{
    public const NbdExportFlags Usual = NbdExportFlags.HasFlags | NbdExportFlags.Flush | NbdExportFlags.ForceUnitAccess | NbdExportFlags.Trim;

    private readonly List<Connection> _connections = [];

    public string Name => "the test's disk";

    public NbdExportFlags Flags { get; } = flags;

    public byte[] Disk { get; set; } = disk;

    /// <summary>What is asked, as it comes: answer it now, or keep it. Without it all is answered at once.</summary>
    public Action<Connection, Request>? Asked { get; set; }

    /// <summary>Whether connections are to be had.</summary>
    public bool Serves { get; set; } = true;

    public int Disposals { get; private set; }

    /// <summary>Those that were opened.</summary>
    public IReadOnlyList<Connection> Connections
    {
        get
        {
            lock (_connections)
                return [.. _connections];
        }
    }

    public Task<Socket> ConnectAsync(CancellationToken cancel)
    {
        if (!Serves)
            throw new StorageException("nobody serves");
        var path = Path.Combine(Path.GetTempPath(), $"pv-nbd-{Guid.NewGuid():N}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        var connection = new Connection(this, listener.Accept());
        File.Delete(path);
        lock (_connections)
            _connections.Add(connection);
        new Thread(connection.Serve) { IsBackground = true }.Start();
        return Task.FromResult(client);
    }

    public ValueTask DisposeAsync()
    {
        Disposals++;
        foreach (var connection in Connections)
            connection.Break();
        return ValueTask.CompletedTask;
    }

    internal sealed record Request(NbdCommand Command, NbdCommandFlags Flags, ulong Cookie, long Offset, int Length, byte[] Data);

    internal sealed class Connection(NbdPeer peer, Socket socket)
    {
        private readonly NetworkStream _stream = new(socket);
        private readonly TaskCompletionSource _served = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when all that the client said was heard.</summary>
        public Task Served => _served.Task.WaitAsync(TimeSpan.FromSeconds(30));

        /// <summary>Set when the client has taken leave.</summary>
        public bool HasFarewell { get; private set; }

        /// <summary>Whether more of what the client says has come.</summary>
        public bool HasMore => socket.Available > 0;

        public void Break() => socket.Shutdown(SocketShutdown.Both);

        public void Serve()
        {
            try
            {
                ShakeHands();
                while (ReadRequest() is { } request)
                {
                    if (peer.Asked is { } asked)
                        asked(this, request);
                    else
                        Answer(request);
                }
            }
            catch (IOException)
            {
                // The client is gone.
            }
            finally
            {
                _served.SetResult();
            }
        }

        /// <summary>Does what was asked and says so, in pieces of some bytes if a test wants that.</summary>
        public void Answer(Request request, uint error = 0, int piece = int.MaxValue)
        {
            var disk = peer.Disk.AsSpan();
            var answer = new byte[16 + (request.Command == NbdCommand.Read && error == 0 ? request.Length : 0)];
            BinaryPrimitives.WriteUInt32BigEndian(answer, 0x67446698);
            BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), error);
            BinaryPrimitives.WriteUInt64BigEndian(answer.AsSpan(8), request.Cookie);
            if (error == 0 && request.Command == NbdCommand.Write)
                request.Data.CopyTo(disk[(int)request.Offset..]);
            else if (error == 0 && request.Command == NbdCommand.Trim && request.Offset + request.Length <= disk.Length)
                disk.Slice((int)request.Offset, request.Length).Clear();
            else if (error == 0 && request.Command == NbdCommand.Read)
                disk.Slice((int)request.Offset, request.Length).CopyTo(answer.AsSpan(16));
            Send(answer, piece);
        }

        public void Send(ReadOnlySpan<byte> bytes, int piece = int.MaxValue)
        {
            for (; !bytes.IsEmpty; bytes = bytes[Math.Min(piece, bytes.Length)..])
                _stream.Write(bytes[..Math.Min(piece, bytes.Length)]);
        }

        private void ShakeHands()
        {
            Send([.. "NBDMAGICIHAVEOPT"u8, 0, 3]);
            var hello = new byte[4 + 16 + 4 + 2 + 2];
            _stream.ReadExactly(hello);
            // Information about the export, one of a kind that the client does not know, the block sizes, and the end.
            var export = new byte[12];
            BinaryPrimitives.WriteInt64BigEndian(export.AsSpan(2), peer.Disk.Length);
            BinaryPrimitives.WriteUInt16BigEndian(export.AsSpan(10), (ushort)peer.Flags);
            SendReply(3, export);
            SendReply(3, [0, 2, .. "a disk"u8]);
            SendReply(3, [0, 3, 0, 0, 0, 1, 0, 0, 16, 0, 2, 0, 0, 0]);
            SendReply(1, []);
        }

        private void SendReply(uint type, byte[] data)
        {
            var header = new byte[20];
            BinaryPrimitives.WriteUInt64BigEndian(header, 0x3e889045565a9);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), 7);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), type);
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(16), data.Length);
            Send([.. header, .. data]);
        }

        private Request? ReadRequest()
        {
            var header = new byte[28];
            if (_stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
                return null;
            if (BinaryPrimitives.ReadUInt32BigEndian(header) != 0x25609513)
                throw new IOException("That is no request.");
            var command = (NbdCommand)BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(6));
            var length = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(24));
            var data = new byte[command == NbdCommand.Write ? length : 0];
            _stream.ReadExactly(data);
            HasFarewell |= command == NbdCommand.Disconnect;
            return HasFarewell ? null : new Request(command, (NbdCommandFlags)BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(4)),
                BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(8)), BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(16)), length, data);
        }
    }
}
