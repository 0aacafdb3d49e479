using System.Diagnostics;
using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// <c>xl lab batching</c>: what each call costs by each way, for each size of batch, on each engine. All of it is measured in rounds; a
/// round does everything once, in an order of its own, so that whatever slows the machine down for a while hits all alike.
/// </summary>
internal sealed class BatchingExperiment(ILabHost host, LabOutput output, LabOptions options)
{
    public const string Name = "batching";

    /// <summary>Names of what a row knows beside its times.</summary>
    public const string Traps = "traps", BytesIn = "bytes_in", BytesOut = "bytes_out", Pauses = "gc_pause_ns", Operations = "operations";

    public static readonly int[] Sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    private static readonly int[] QuickSizes = [1, 8, 32, 256];

    private readonly int _rounds = options.Rounds ?? (options.Quick ? 7 : 15);
    private readonly double _runNanoseconds = options.Quick ? 200_000 : 400_000;
    private readonly TimeSpan _warmUp = options.WarmUp ?? TimeSpan.FromSeconds(options.Quick ? 0.5 : 5);

    public async Task<(IReadOnlyList<LabRow> Rows, int Rounds)> RunAsync(CancellationToken cancel)
    {
        var engines = LabChoice.Of("engine", options.Engines, host.Engines, engine => engine.Name);
        var calls = LabChoice.Of("call", options.Calls, LabCall.All(), call => call.Name);
        var guests = new List<ILabGuest>();
        try
        {
            var cells = new List<BatchingCell>();
            foreach (var engine in engines)
            {
                output.Progress($"a guest on the engine {engine.Name}");
                guests.Add(await host.StartAsync(engine, cancel));
                cells.AddRange(Prepare(guests[^1], calls.Select(call => call.Name)));
            }
            await Task.Factory.StartNew(() => Measure(cells, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return ([.. cells.Select(cell => cell.ToRow())], _rounds);
        }
        finally
        {
            foreach (var guest in guests)
                await guest.DisposeAsync();
        }
    }

    /// <summary>Everything that is measured on one guest.</summary>
    private IEnumerable<BatchingCell> Prepare(ILabGuest guest, IEnumerable<string> names)
    {
        var empty = guest.Load(new LabProgram());
        // The least: a guest that has just started has other things to do, too.
        var overhead = Enumerable.Range(0, 16).Select(_ => guest.Run(empty, 1)).MinBy(run => (run.Entries, run.BytesIn + run.BytesOut));
        var entriesAt = guest.Area.Take(LabSizes.Items * MulticallEntry.WireSize);
        var queue = guest.OpenQueue();
        // Each guest has calls of its own: they keep what they have prepared.
        var calls = LabCall.All().Where(call => names.Contains(call.Name) && (guest.Engine.OwnsTables || !call.NeedsTables));
        foreach (var call in names.Contains(NullCall.Word) ? calls.Concat(LabCall.PartsOfNull()) : calls)
        {
            var programs = new BatchPrograms(guest, call, entriesAt, queue);
            yield return Cell(BatchWay.Single, BatchPrograms.LeastItems);
            var isPart = call.Sizes.Count > 0;
            foreach (var size in isPart ? call.Sizes : options.Quick ? QuickSizes : Sizes)
            {
                yield return Cell(BatchWay.Multicall, size);
                if (call.HasList)
                    yield return Cell(BatchWay.List, size);
                // Where processors are busy each wait for the service takes long; a look has no time for many.
                if (queue != null && !isPart && (!options.Quick || size >= BatchPrograms.LeastItems))
                    yield return Cell(BatchWay.Asynchronous, size);
            }

            BatchingCell Cell(BatchWay way, int batch)
                => new(guest, call, way, way == BatchWay.Single ? 1 : batch, programs.Load(way, batch), programs.OperationsARound(batch), overhead);
        }
    }

    private void Measure(List<BatchingCell> cells, CancellationToken cancel)
    {
        // Until the compiler has seen everything often enough: its first versions of the code are slow.
        var since = Stopwatch.StartNew();
        for (var pass = 0; pass < 3 || since.Elapsed < _warmUp; pass++)
        {
            output.Progress($"warming up, pass {pass + 1}");
            foreach (var cell in cells)
            {
                cancel.ThrowIfCancellationRequested();
                cell.Calibrate(_runNanoseconds);
            }
        }
        GC.Collect();
        for (var round = 0; round < _rounds; round++)
        {
            output.Progress($"round {round + 1} of {_rounds}, {cells.Count} measurements each");
            var order = cells.ToArray();
            new Random(unchecked((options.Seed * 1_000_003) + round)).Shuffle(order);
            foreach (var cell in order)
            {
                cancel.ThrowIfCancellationRequested();
                cell.Measure();
            }
        }
        output.Progress("");
    }
}
