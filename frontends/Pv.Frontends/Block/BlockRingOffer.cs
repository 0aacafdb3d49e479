using System.Globalization;
using System.Numerics;
using Pv.Abi;
using Pv.Guest;

namespace Pv.Frontends;

/// <summary>The rings that a front end offers, and the nodes by which it does (<c>public/io/blkif.h</c>).</summary>
/// <param name="Queues">One or more, of the same size.</param>
/// <param name="Nodes">What the front end writes before it says <see cref="XenbusState.Initialised"/>.</param>
internal sealed record BlockRingOffer(BlockQueue[] Queues, IReadOnlyList<(string Node, string Value)> Nodes)
{
    private const string Protocol = "x86_64-abi";

    /// <summary>Makes as many and as large rings as both ends want.</summary>
    public static async Task<BlockRingOffer> MakeAsync(
        GuestContext guest, XenbusEnd end, BlockFrontendOptions options, GrantedFrames lingering, BlockFrontend disk)
    {
        var order = (int)Math.Min((uint)options.RingPageOrder, await OrderAsync(end));
        var queueCount = (int)Math.Clamp(await NumberAsync(end, "multi-queue-max-queues", 1), 1, (uint)options.Queues);
        var handle = (ushort)disk.Number;
        var queues = new BlockQueue[queueCount];
        try
        {
            for (var i = 0; i < queueCount; i++)
                queues[i] = new BlockQueue(guest, end.Device.BackEnd, 1 << order, handle, lingering, disk.Statistics, disk);
        }
        catch
        {
            foreach (var made in queues)
                made?.Close();
            throw;
        }
        return new BlockRingOffer(queues, [.. Describe(queues, order, options)]);
    }

    private static IEnumerable<(string Node, string Value)> Describe(BlockQueue[] queues, int order, BlockFrontendOptions options)
    {
        if (order > 0)
            yield return ("ring-page-order", Text(order));
        if (queues.Length > 1)
            yield return ("multi-queue-num-queues", Text(queues.Length));
        for (var i = 0; i < queues.Length; i++)
        {
            var folder = queues.Length > 1 ? $"queue-{i}/" : "";
            var grants = queues[i].Grants;
            for (var page = 0; page < grants.Length; page++)
                yield return ($"{folder}ring-ref{(order > 0 ? Text(page) : "")}", Text(grants[page].Value));
            yield return ($"{folder}event-channel", Text(queues[i].Channel.Port.Value));
        }
        yield return ("protocol", Protocol);
        yield return ("feature-persistent", options.PersistentGrants ? "1" : "0");
    }

    // Some back ends say how many pages (max-ring-pages), most the power of two.
    private static async Task<uint> OrderAsync(XenbusEnd end)
    {
        if (await end.ReadPeerAsync("max-ring-page-order") is not null)
            return await NumberAsync(end, "max-ring-page-order", 0);
        var pages = await NumberAsync(end, "max-ring-pages", 1);
        return pages == 0 ? 0 : (uint)BitOperations.Log2(pages);
    }

    private static async Task<uint> NumberAsync(XenbusEnd end, string node, uint otherwise)
    {
        try
        {
            return await end.ReadPeerNumberAsync(node) ?? otherwise;
        }
        catch (FormatException failure)
        {
            throw new BlockException(failure.Message);
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
