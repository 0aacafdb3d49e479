using System.Net.Sockets;

namespace Pv.XenStore;

/// <summary>Unix sockets by their paths.</summary>
public static class SocketFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Backlog = 1024;

    /// <summary>Listens at a path, for its owner alone. A socket that nobody listens on any more is replaced.</summary>
    /// <param name="path">Where.</param>
    /// <param name="listener">Who listens there, for what an exception says.</param>
    /// <exception cref="IOException">Another daemon listens there, or what stands there is no socket, or the path cannot be a socket's.</exception>
    public static Socket Listen(string path, string listener)
    {
        var socket = New();
        try
        {
            var address = new UnixDomainSocketEndPoint(path);
            RemoveDead(path, address, listener);
            socket.Bind(address);
            // Nobody can connect before it listens.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, OwnerOnly);
            socket.Listen(Backlog);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new IOException($"{listener} cannot listen on {path}: {exception.Message}", exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Socket New() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private static void RemoveDead(string path, UnixDomainSocketEndPoint address, string listener)
    {
        if (!File.Exists(path))
            return;
        using var probe = New();
        try
        {
            probe.Connect(address);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused && IsSocket(path))
        {
            File.Delete(path);
            return;
        }
        throw new IOException($"{listener} cannot listen on {path}: it exists, and is not a socket that nobody serves.");
    }

    /// <summary>A file that is none refuses connections as well; but it can be opened.</summary>
    private static bool IsSocket(string path)
    {
        try
        {
            File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
