using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Latency;

/// <summary>
/// <c>xl lab latency</c>: how long a guest waits: for an event, its timer, a back end, granted bytes. In rounds, each in an order of its own, as
/// batching is measured.
/// </summary>
internal sealed class LatencyExperiment(ILabHost host, LabOutput output, LabOptions options)
{
    public const string Name = "latency";

    public const string GrantCopy = "grant-copy", GrantMap = "grant-map";

    /// <summary>From a byte to what a block request has.</summary>
    public static readonly int[] Sizes = [1, 64, 512, 4096, 16384, 65536];

    private const int PauseCount = 40;

    private readonly int _rounds = options.Rounds ?? (options.Quick ? 5 : 10);
    private readonly int _times = options.Quick ? 50 : 200;

    public async Task<(IReadOnlyList<LabRow> Rows, int Rounds)> RunAsync(CancellationToken cancel)
    {
        var engines = LabChoice.Of("engine", options.Engines, host.Engines, engine => engine.Name);
        var disposables = new List<IAsyncDisposable>();
        try
        {
            var items = new List<LatencyItem>();
            if (engines.Any(engine => !engine.OwnsTables))
            {
                output.Progress("pairs of C# guests");
                var managed = engines.First(engine => !engine.OwnsTables).Name;
                if (Environment.ProcessorCount > 1)
                {
                    var apart = await host.StartPairAsync(pcpus: 2, cancel);
                    disposables.Add(apart);
                    items.AddRange(Apart(apart, managed));
                }
                var together = await host.StartPairAsync(pcpus: 1, cancel);
                disposables.Add(together);
                items.AddRange(Together(together, managed));
            }
            foreach (var engine in engines)
            {
                output.Progress($"a guest on the engine {engine.Name}");
                var guest = await host.StartAsync(engine, cancel);
                disposables.Add(guest);
                items.AddRange(Transfers(guest));
            }
            await Task.Factory.StartNew(() => Measure(items, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return ([.. items.Select(item => item.ToRow())], _rounds);
        }
        finally
        {
            foreach (var one in disposables)
                await one.DisposeAsync();
        }
    }

    private IEnumerable<LatencyItem> Apart(ILabPair pair, string engine) =>
    [
        new("event to upcall, other pCPU, asleep", "", engine, _ => pair.PingPong(_times, receiverRuns: false).ToUpcall),
        new("event to upcall, other pCPU, running", "", engine, _ => pair.PingPong(_times, receiverRuns: true).ToUpcall),
        new("the send to a running vCPU", "", engine, _ => pair.PingPong(_times, receiverRuns: true).Send),
        new("ring round trip with Dom0", "", engine, _ => pair.RoundTrips(_times)),
    ];

    private IEnumerable<LatencyItem> Together(ILabPair pair, string engine) =>
    [
        new("event to upcall, same pCPU", "", engine, _ => pair.PingPong(_times, receiverRuns: false).ToUpcall),
        new("timer, lateness", "", engine, random => pair.Sleep([.. Enumerable.Range(0, PauseCount).Select(_ => (ulong)random.Next(20_000, 500_000))])),
        new("Dom0: a grant mapped and unmapped, one of 64", "4096", "dom0", _ => pair.MapInDom0(_times / 4)),
        new("Dom0: a grant copied, one of 64", "4096", "dom0", _ => pair.CopyToDom0(_times / 4)),
        new("Dom0: a page copied by the processor alone", "4096", "dom0", _ => pair.CopyPlainly(_times / 4)),
    ];

    /// <summary>Samples are of a few each, since the beginning and end of a run are no part of it.</summary>
    private IEnumerable<LatencyItem> Transfers(ILabGuest guest)
    {
        const ulong each = 16;
        foreach (var size in Sizes)
        {
            var (copy, map) = (GrantTransfer.Copy(guest, size), GrantTransfer.Map(guest, size));
            yield return new LatencyItem(GrantCopy, $"{size}", guest.Engine.Name, _ => Samples(copy));
            yield return new LatencyItem(GrantMap, $"{size}", guest.Engine.Name, _ => Samples(map));
        }

        double[] Samples(GrantTransfer transfer) => [.. Enumerable.Range(0, _times / 20).Select(_ => transfer.Run(each))];
    }

    private void Measure(List<LatencyItem> items, CancellationToken cancel)
    {
        const int warmUps = 4;
        for (var round = -warmUps; round < _rounds; round++)
        {
            output.Progress(round < 0 ? "warming up" : $"round {round + 1} of {_rounds}, {items.Count} measurements each");
            var random = new Random(unchecked((options.Seed * 1_000_003) + round));
            var order = items.ToArray();
            random.Shuffle(order);
            foreach (var item in order)
            {
                cancel.ThrowIfCancellationRequested();
                if (round < 0)
                    item.WarmUp(random);
                else
                    item.Measure(random);
            }
        }
        output.Progress("");
    }
}
