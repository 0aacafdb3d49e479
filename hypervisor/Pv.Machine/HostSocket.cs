using System.Net.Sockets;
using System.Runtime.InteropServices;
using Pv.Abi;

namespace Pv.Machine;

/// <summary>A connected stream socket that sends from and receives into memory where it stands, vector by vector.</summary>
/// <remarks>
/// One thread sends and one receives at a time; <see cref="Shutdown"/> may come from any. Nothing is allocated by a transfer. Results are
/// counts of bytes, or the negative of an <see cref="Errno"/>.
/// </remarks>
public sealed unsafe partial class HostSocket : IDisposable
{
    /// <summary>The most vectors that one call of the host takes; those behind them wait for the next call.</summary>
    public const int MaxVectors = 1024;

    private const int DoNotWait = 0x40, NoSignal = 0x4000;

    private readonly Socket _socket;

    /// <param name="socket">Connected and in blocking mode; disposed with this.</param>
    /// <exception cref="PlatformNotSupportedException">The layout of its calls is known for Linux alone.</exception>
    public HostSocket(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("Sockets with vectors need Linux.");
        _socket = socket;
    }

    /// <summary>Sends what the socket takes at once; EAGAIN if that is nothing.</summary>
    public long TrySend(ReadOnlySpan<HostVector> vectors) => Send(vectors, NoSignal | DoNotWait);

    /// <summary>Sends at least one byte, waiting until the socket takes it.</summary>
    public long Send(ReadOnlySpan<HostVector> vectors) => Send(vectors, NoSignal);

    /// <summary>Receives what has come, waiting for the first byte; 0 when the other side has closed.</summary>
    public long Receive(ReadOnlySpan<HostVector> vectors)
    {
        // SAFETY: a HostVector is a struct iovec; its memory stays for the call, as its maker promised. The header lives on the stack.
        fixed (HostVector* first = vectors)
        {
            var message = new Message { Vectors = first, VectorCount = (nuint)Math.Min(vectors.Length, MaxVectors) };
            long result;
            do
                result = Result(ReceiveMessage(_socket.SafeHandle, &message, 0));
            while (result == -(long)Errno.EINTR);
            return result;
        }
    }

    /// <summary>Ends both directions: whoever waits in a call returns, and so does every later call.</summary>
    public void Shutdown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The other side was faster, or it is over.
        }
    }

    public void Dispose() => _socket.Dispose();

    private long Send(ReadOnlySpan<HostVector> vectors, int flags)
    {
        // SAFETY: as in Receive.
        fixed (HostVector* first = vectors)
        {
            var message = new Message { Vectors = first, VectorCount = (nuint)Math.Min(vectors.Length, MaxVectors) };
            long result;
            do
                result = Result(SendMessage(_socket.SafeHandle, &message, flags));
            while (result == -(long)Errno.EINTR);
            return result;
        }
    }

    private static long Result(long result) => result < 0 ? -Marshal.GetLastPInvokeError() : result;

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial long SendMessage(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial long ReceiveMessage(SafeSocketHandle socket, Message* message, int flags);

    /// <summary><c>struct msghdr</c> of a 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public HostVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
