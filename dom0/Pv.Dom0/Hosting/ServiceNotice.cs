using System.Net.Sockets;
using System.Text;

namespace Pv.Dom0.Hosting;

/// <summary>Tells a service manager how <c>pvd</c> is, if one asks for it (sd_notify(3)): a datagram to the socket that <c>NOTIFY_SOCKET</c> names.</summary>
internal static class ServiceNotice
{
    /// <summary>The socket is there: <c>xl</c> is served.</summary>
    public static void Ready() => Send("READY=1");

    public static void Stopping() => Send("STOPPING=1");

    private static void Send(string notice)
    {
        var path = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");
        if (string.IsNullOrEmpty(path))
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // An @ stands for the zero with which abstract names begin.
            socket.SendTo(Encoding.UTF8.GetBytes(notice), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // A manager that does not listen notices by itself that it waits.
        }
    }
}
