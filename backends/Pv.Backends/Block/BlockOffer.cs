using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Backends.Block;

/// <summary>One ring that a front end offers.</summary>
internal sealed record BlockQueueOffer(IReadOnlyList<GrantRef> RingRefs, EventPort Port);

/// <summary>What a front end wrote of its rings, judged.</summary>
/// <param name="Queues">Its rings.</param>
/// <param name="IsPersistent">Whether the front end uses the same grants again and again.</param>
/// <param name="Key">All of it as one text, to tell one offer from another.</param>
internal sealed record BlockOffer(IReadOnlyList<BlockQueueOffer> Queues, bool IsPersistent, string Key)
{
    private const string Native = "x86_64-abi";

    /// <summary>Reads it.</summary>
    /// <param name="end">The back end's.</param>
    /// <param name="limits">What may be asked for.</param>
    /// <param name="persistentOffered">Whether this front end was offered persistent grants.</param>
    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static async Task<BlockOffer> ReadAsync(XenbusEnd end, BlockBackendOptions limits, bool persistentOffered)
    {
        var protocol = await end.ReadPeerAsync("protocol").ConfigureAwait(false);
        if (protocol is not (null or "" or Native))
            throw new FormatException($"the front end speaks the protocol '{protocol}'; this back end speaks {Native} alone");
        var order = await end.ReadPeerNumberAsync("ring-page-order").ConfigureAwait(false);
        if (order > limits.MaxRingPageOrder)
            throw new FormatException($"the front end asks for a ring of order {order}; {limits.MaxRingPageOrder} is the most");
        var count = await end.ReadPeerNumberAsync("multi-queue-num-queues").ConfigureAwait(false) ?? 1;
        if (count == 0 || count > limits.MaxQueues)
            throw new FormatException($"the front end asks for {count} queues; {limits.MaxQueues} are the most");
        var queues = new List<BlockQueueOffer>();
        for (var i = 0; i < count; i++)
            queues.Add(await ReadQueueAsync(end, count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"queue-{i}/"), order).ConfigureAwait(false));
        var isPersistent = persistentOffered && await end.ReadPeerAsync("feature-persistent").ConfigureAwait(false) == "1";
        var rings = queues.Select(queue => $"{queue.Port.Value}:{string.Join(',', queue.RingRefs.Select(grant => grant.Value))}");
        return new BlockOffer(queues, isPersistent, $"{string.Join(' ', rings)}{(isPersistent ? " persistent" : "")}");
    }

    private static async Task<BlockQueueOffer> ReadQueueAsync(XenbusEnd end, string folder, uint? order)
    {
        var port = await DemandAsync(end, $"{folder}event-channel").ConfigureAwait(false);
        var refs = new List<GrantRef>();
        // Without an order the one page has the name that it had when rings had one page.
        for (var i = 0; i < 1 << (int)(order ?? 0); i++)
            refs.Add(new GrantRef(await DemandAsync(end, order is null ? $"{folder}ring-ref" : $"{folder}ring-ref{i}").ConfigureAwait(false)));
        return new BlockQueueOffer(refs, new EventPort(port));
    }

    private static async Task<uint> DemandAsync(XenbusEnd end, string node)
        => await end.ReadPeerNumberAsync(node).ConfigureAwait(false) ?? throw new FormatException($"{end.PeerPath}/{node} is missing");
}
