using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>ping</c>: meets another shell in the store, and measures round trips over the event channel.</summary>
internal static class Ping
{
    private const int DefaultCount = 10, LargestCount = 100_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(GuestContext guest, string[] words)
    {
        var (peer, count) = Parse(words);
        var node = $"{await guest.XenStore.GetDomainPathAsync(peer)}/{PingPartner.Node}";
        if (!await IsThereAsync(guest, node))
            throw new UsageException($"domain {peer.Value} has no shell that answers.");
        using var channel = guest.Events.AllocUnbound(peer);
        var meeting = $"{node}/{guest.Domain.Value}";
        await guest.XenStore.WriteAsync(meeting, $"{channel.Port.Value}");
        try
        {
            await guest.XenStore.SetPermissionsAsync(
                meeting, new XenStorePermission(guest.Domain, XenStoreAccess.None), new XenStorePermission(peer, XenStoreAccess.Read));
            await MeasureAsync(guest, channel, peer, count);
        }
        finally
        {
            await guest.XenStore.RemoveAsync(meeting);
        }
    }

    /// <summary>Whether a node can be read. What a domain may not see, the store hides whether it is there or not.</summary>
    private static async Task<bool> IsThereAsync(GuestContext guest, string node)
    {
        try
        {
            return await guest.XenStore.ReadAsync(node) is not null;
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            return false;
        }
    }

    private static async Task MeasureAsync(GuestContext guest, EventChannel channel, DomId peer, int count)
    {
        var patience = guest.Delay(Patience);
        if (!await AnswersAsync(channel, patience))
            throw new UsageException($"domain {peer.Value} does not answer.");
        ulong shortest = ulong.MaxValue, longest = 0, total = 0;
        for (var trip = 0; trip < count; trip++)
        {
            var start = guest.Clock.Now;
            channel.Notify().OrThrow("EVTCHNOP_send");
            if (!await AnswersAsync(channel, patience))
                throw new UsageException($"domain {peer.Value} stopped answering after {trip} round trips.");
            var time = guest.Clock.Now - start;
            (shortest, longest, total) = (Math.Min(shortest, time), Math.Max(longest, time), total + time);
        }
        await guest.Console.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{count} round trips to domain {peer.Value}: {shortest / 1e3:F1} us at least, {total / 1e3 / count:F1} us on average, {longest / 1e3:F1} us at most"));
    }

    private static async Task<bool> AnswersAsync(EventChannel channel, Task patience)
    {
        var answer = channel.WaitAsync();
        if (answer.IsCompleted)
            return await answer;
        var waiting = answer.AsTask();
        return await Task.WhenAny(waiting, patience) == waiting && await waiting;
    }

    private static (DomId Peer, int Count) Parse(string[] words)
    {
        if (words.Length is < 1 or > 2 || !ushort.TryParse(words[0], out var number) || number >= DomId.FirstReserved)
            throw new UsageException("ping <domid> [count]");
        var count = DefaultCount;
        if (words.Length == 2 && (!int.TryParse(words[1], out count) || count is < 1 or > LargestCount))
            throw new UsageException($"the count is from 1 to {LargestCount}.");
        return (new DomId(number), count);
    }
}
