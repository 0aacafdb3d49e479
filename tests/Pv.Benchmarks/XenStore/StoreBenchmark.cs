using Pv.Abi;

namespace Pv.Benchmarks.XenStore;

/// <summary>
/// xenstored alone, over its socket, beside any other daemons of xenstore, in turns: rates, and its processor time for a request, which says
/// more where clients and daemon share few processors; and how long a write with a thousand watchers takes to the last event.
/// </summary>
internal static class StoreBenchmark
{
    private const int Rounds = 3, FanOuts = 200, Watchers = 1000;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(2);

    /// <param name="sockets">Other daemons to compare with.</param>
    public static int Run(string[] sockets)
    {
        if (sockets.FirstOrDefault(socket => !File.Exists(socket)) is { } missing)
        {
            Console.Error.WriteLine($"xenstored [SOCKET...]: there is no socket {missing}");
            return 2;
        }
        var folder = Directory.CreateTempSubdirectory("pv-store-").FullName;
        var daemons = new List<StoreDaemon> { StoreDaemon.Start(folder) };
        try
        {
            daemons.AddRange(sockets.Select(StoreDaemon.At));
            foreach (var daemon in daemons)
            {
                using var client = new StoreClient(daemon.Socket);
                StoreMixes.Populate(client);
                StoreMixes.Measure(StoreMixes.All[0].Run, daemon.Socket, Time / 4);
            }
            foreach (var (name, run) in StoreMixes.All)
                MeasureMix(daemons, name, run);
            MeasureFanOut(daemons, Watchers);
            MeasureFanOut(daemons, 1);
            foreach (var daemon in daemons)
            {
                using var client = new StoreClient(daemon.Socket);
                client.Ask(StoreClient.Request(XenStoreMessageType.Remove, $"{StoreMixes.Root}\0"));
            }
            return 0;
        }
        finally
        {
            daemons.ForEach(daemon => daemon.Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void MeasureMix(List<StoreDaemon> daemons, string name, Func<string, int, TimeSpan, long> run)
    {
        var results = daemons.ConvertAll(_ => new List<(double Rate, double Cost)>());
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < daemons.Count; i++)
            {
                var before = daemons[i].ProcessorTime;
                var (requests, time) = StoreMixes.Measure(run, daemons[i].Socket, Time);
                results[i].Add((requests / time.TotalSeconds, (daemons[i].ProcessorTime - before) / requests));
            }
        }
        for (var i = 0; i < daemons.Count; i++)
        {
            var cost = Median(results[i].Select(result => result.Cost));
            Console.WriteLine($"{name,-8} {Median(results[i].Select(result => result.Rate)),9:f0} requests/s  {cost,6:f2} us of processor time each  {daemons[i].Name}");
        }
    }

    private static void MeasureFanOut(List<StoreDaemon> daemons, int connections)
    {
        var results = daemons.ConvertAll(_ => new List<(double Median, double Best, double Cost)>());
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < daemons.Count; i++)
            {
                var before = daemons[i].ProcessorTime;
                var (median, best) = FanOut.Measure(daemons[i].Socket, Watchers, connections, FanOuts);
                results[i].Add((median, best, (daemons[i].ProcessorTime - before) / FanOuts));
            }
        }
        for (var i = 0; i < daemons.Count; i++)
        {
            Console.WriteLine($"a write with {Watchers} watchers on {connections} connections: {Median(results[i].Select(result => result.Median)),7:f0} us to the last event "
                + $"(best {results[i].Min(result => result.Best):f0}), {Median(results[i].Select(result => result.Cost)):f0} us of processor time  {daemons[i].Name}");
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
