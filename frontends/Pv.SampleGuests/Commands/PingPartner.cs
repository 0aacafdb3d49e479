using Pv.Abi;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary>
/// Answers other guests' pings. Whoever wants an answer writes the port that it left unbound for this domain to
/// <c>data/ping/&lt;its number&gt;</c> below this domain's part of the store, which everybody may write.
/// </summary>
internal sealed class PingPartner(GuestContext guest)
{
    public const string Node = "data/ping";

    private readonly Dictionary<DomId, EventChannel> _channels = [];

    public async Task ServeAsync()
    {
        try
        {
            await guest.XenStore.MakeDirectoryAsync(Node);
            await guest.XenStore.SetPermissionsAsync(Node, new XenStorePermission(guest.Domain, XenStoreAccess.ReadWrite));
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            // A toolstack that does not let the guest have a directory of its own: there is nothing to serve.
            return;
        }
        await using var watch = await guest.XenStore.WatchAsync(Node);
        await foreach (var path in watch.Events)
        {
            if (ushort.TryParse(path[(path.LastIndexOf('/') + 1)..], out var number))
                await MeetAsync(new DomId(number), path);
        }
    }

    private async Task MeetAsync(DomId peer, string path)
    {
        if (_channels.Remove(peer, out var before))
            before.Dispose();
        try
        {
            if (!uint.TryParse(await guest.XenStore.ReadAsync(path), out var port))
                return;
            var channel = guest.Events.BindInterdomain(peer, new EventPort(port));
            // Binding leaves an event pending on this side: its answer tells the peer that somebody is there.
            channel.Handler = () => channel.Notify();
            _channels.Add(peer, channel);
        }
        catch (Exception failure) when (failure is HypercallException or XenStoreException)
        {
            await guest.Console.WriteLineAsync($"\nA ping of domain {peer.Value} could not be answered: {failure.Message}");
        }
    }
}
