using System.Globalization;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;

namespace Pv.Backends.Block;

/// <summary>The rings of a connected device: mapped and bound by what the front end wrote in the store.</summary>
internal sealed class BlockConnection
{
    // How long a front end that closes may be silent between two requests, and how long it may ask for more at most.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);
    private const int MostLooks = 20, QuietLooks = 2;

    private readonly List<BlockRing> _rings = [];
    private readonly List<GrantMapping> _pages = [];

    // Whether the rings are served.
    private bool _isStarted;

    private BlockConnection(string key) => Key = key;

    /// <summary>What the front end wrote: another is another connection.</summary>
    public string Key { get; }

    /// <summary>What its rings have done so far. Any thread.</summary>
    public BlockCounts Counts
    {
        get
        {
            var all = default(BlockCounts);
            foreach (var ring in _rings)
                all.Add(ring.Counts);
            return all;
        }
    }

    /// <summary>Maps and binds what the front end offers; nothing is served yet.</summary>
    /// <param name="kernel">Dom0's kernel.</param>
    /// <param name="offer">What the front end wrote.</param>
    /// <param name="domain">The front end's domain.</param>
    /// <param name="medium">What requests are judged by.</param>
    /// <param name="name">The device's, for its threads.</param>
    /// <param name="failed">Told why a ring is lost, on its thread.</param>
    /// <exception cref="GrantException">A ring's page cannot be mapped.</exception>
    /// <exception cref="HypercallException">An event channel cannot be bound.</exception>
    public static BlockConnection Open(Dom0Kernel kernel, BlockOffer offer, DomId domain, BlockMedium medium, string name, Action<string> failed)
    {
        var connection = new BlockConnection(offer.Key);
        try
        {
            foreach (var (index, queue) in offer.Queues.Index())
            {
                var pages = new SharedPage[queue.RingRefs.Count];
                foreach (var (i, grant) in queue.RingRefs.Index())
                {
                    var mapping = kernel.Grants.Map(domain, grant);
                    connection._pages.Add(mapping);
                    pages[i] = mapping.Page;
                }
                var channel = kernel.Events.BindInterdomain(domain, queue.Port, static () => { }, onlySignals: true);
                connection._rings.Add(new BlockRing(kernel, domain, pages, channel, medium,
                    string.Create(CultureInfo.InvariantCulture, $"{name}-{index}"), offer.IsPersistent, failed));
            }
            return connection;
        }
        catch
        {
            connection.Release();
            throw;
        }
    }

    /// <summary>Serves the rings, from the first time on or again.</summary>
    public void Start(BlockMedium medium)
    {
        _isStarted = true;
        foreach (var ring in _rings)
            ring.Start(medium);
    }

    /// <summary>Serves on until nothing has been asked for a while, with an event before each look.</summary>
    /// <remarks>
    /// Linux says that its end is closed with requests in queues that it has stopped, and takes the disk away when all of them are answered. The event
    /// of an answer lets it go on with its queues; if the last came before it stopped them, nothing does, and Linux would wait for ever.
    /// </remarks>
    public async Task DrainAsync()
    {
        var (last, quiet) = (Counts, 0);
        for (var looks = 0; looks < MostLooks && quiet < QuietLooks; looks++)
        {
            foreach (var ring in _rings)
                ring.Nudge();
            await Task.Delay(LookAgain).ConfigureAwait(false);
            var now = Counts;
            quiet = now.Outstanding == 0 && now.Answered == last.Answered ? quiet + 1 : 0;
            last = now;
        }
    }

    /// <summary>Completes when nothing is under way any more.</summary>
    public async Task StopAsync()
    {
        if (!_isStarted)
            return;
        _isStarted = false;
        await Task.WhenAll(_rings.Select(ring => ring.StopAsync())).ConfigureAwait(false);
    }

    /// <summary>Stops, and gives pages and channels back.</summary>
    public async Task CloseAsync()
    {
        await StopAsync().ConfigureAwait(false);
        Release();
    }

    private void Release()
    {
        foreach (var ring in _rings)
            ring.Close();
        foreach (var page in _pages)
            page.Dispose();
    }
}
