using System.Diagnostics;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Benchmarks.XenStore;

/// <summary>One write that many watchers hear of: from the request to the last event's arrival.</summary>
internal static class FanOut
{
    private const string Node = $"{StoreMixes.Root}/hot";

    /// <summary>Medians of the rounds.</summary>
    /// <param name="socket">The daemon's.</param>
    /// <param name="watchers">How many watches.</param>
    /// <param name="connections">Over how many connections they are spread.</param>
    /// <param name="rounds">How many writes.</param>
    /// <returns>Microseconds of a round: the median, and the best.</returns>
    public static (double Median, double Best) Measure(string socket, int watchers, int connections, int rounds)
    {
        using var writer = new StoreClient(socket);
        using var epoll = new EpollWait();
        var counter = new Counter();
        var clients = new List<StoreClient>();
        for (var i = 0; i < connections; i++)
        {
            var client = new StoreClient(socket);
            clients.Add(client);
            for (var k = 0; k < watchers / connections; k++)
            {
                client.Ask(StoreClient.Request(XenStoreMessageType.Watch, $"{Node}\0{k}\0"));
                client.Receive(out _);
            }
            epoll.Watch(client.Descriptor, new Watcher(client, counter));
        }
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var request = StoreClient.Request(XenStoreMessageType.Write, $"{Node}\0{round}");
            counter.Missing = watchers;
            var start = Stopwatch.GetTimestamp();
            writer.Ask(request);
            while (counter.Missing > 0)
            {
                epoll.Wait(sleep: true);
                epoll.Dispatch();
            }
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        clients.ForEach(client => client.Dispose());
        times.Sort();
        return (times[rounds / 2], times[0]);
    }

    private sealed class Counter
    {
        public int Missing { get; set; }
    }

    private sealed class Watcher(StoreClient client, Counter counter) : IPollable
    {
        public void Ready(PollEvents events) => counter.Missing -= client.Drop();

        public void End()
        {
        }
    }
}
