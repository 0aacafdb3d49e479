using System.Net.Sockets;
using Pv.Abi;

namespace Pv.XenStore;

/// <summary>A unix socket on which clients come: tools with Dom0's rights, or a guest with its own.</summary>
/// <remarks>
/// A guest's socket serves one connection at a time, as a domain has one ring; accepting it introduces the domain, its end releases it.
/// The daemon's loop only.
/// </remarks>
internal sealed class SocketListener : IPollable
{
    /// <summary>After a refusal of the system's, which has no descriptors left perhaps.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Store _store;
    private readonly EpollWait _epoll;
    private readonly Socket _socket;
    private readonly DomId _domain;
    private readonly int _descriptor;
    private readonly int _place;

    /// <summary>Takes a socket over that listens.</summary>
    /// <exception cref="IOException">The system cannot wait for one more.</exception>
    public SocketListener(Store store, EpollWait epoll, Socket socket, DomId domain)
    {
        _store = store;
        _epoll = epoll;
        _socket = socket;
        _domain = domain;
        _descriptor = (int)socket.Handle;
        _place = epoll.Watch(_descriptor, this);
        if (_place < 0)
            throw new IOException("The system cannot wait for one more socket.");
    }

    public void Ready(PollEvents events)
    {
        var descriptor = LinuxCalls.Accept(_descriptor, 0, 0, LinuxCalls.NonBlockingAndOwn);
        if (descriptor < 0)
        {
            Pause();
            _ = ResumeAsync();
            return;
        }
        try
        {
            Serve(descriptor);
        }
        catch (IOException exception)
        {
            _store.Host.Log($"xenstored: a connection is refused: {exception.Message}");
        }
    }

    public void End() => _socket.Dispose();

    private void Serve(int descriptor)
    {
        if (_domain == DomId.Dom0)
        {
            var tool = new XenStoreConnection(_store, _store.Domains.Dom0);
            tool.Attach(new StoreSocket(_epoll, descriptor, tool, closed: null));
            return;
        }
        if (_store.Domains.Known(_domain) is not { } domain)
        {
            _store.Host.Log($"xenstored: there is no {_domain} to come on its socket");
            _ = LinuxCalls.Close(descriptor);
            return;
        }
        var guest = new XenStoreConnection(_store, domain);
        guest.Attach(new StoreSocket(_epoll, descriptor, guest, Release));
        Pause();
        _store.Introduce(domain, guest);
    }

    /// <summary>The guest's connection ended, by its own or by the release of its domain.</summary>
    private void Release(XenStoreConnection connection)
    {
        if (_store.Domains.Find(_domain) is { } domain && domain.Connection == connection)
            _store.Forget(domain);
        Resume();
    }

    private void Pause() => _epoll.Change(_place, PollEvents.None);

    private void Resume() => _epoll.Change(_place, PollEvents.Input);

    private async Task ResumeAsync()
    {
        await Task.Delay(Patience).ConfigureAwait(false);
        _store.Schedule(new StoreAction(Resume));
    }
}
