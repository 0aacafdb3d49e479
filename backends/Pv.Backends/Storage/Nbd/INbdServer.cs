using System.Net.Sockets;

namespace Pv.Backends.Storage.Nbd;

/// <summary>Where connections come from. Disposing of it ends the server, if that is its own.</summary>
public interface INbdServer : IAsyncDisposable
{
    /// <summary>What it serves, for messages.</summary>
    string Name { get; }

    /// <summary>Opens a connection in blocking mode, starting the server where none runs.</summary>
    /// <exception cref="StorageException">There is none to be had.</exception>
    Task<Socket> ConnectAsync(CancellationToken cancel);
}
