using System.Diagnostics;
using System.Globalization;
using System.Text;
using Pv.Abi;

namespace Pv.Benchmarks.XenStore;

/// <summary>
/// What clients do with a store, each on a connection of its own, waiting for every reply: reading, writing, transactions that now and then
/// meet, listing, walking, connecting.
/// </summary>
internal static class StoreMixes
{
    public const string Root = "/bench";
    private const int Clients = 8, SharedKeys = 1000, OwnKeys = 100, Children = 1000;
    private const string Value = "0123456789abcdef0123456789abcdef";

    public static readonly (string Name, Func<string, int, TimeSpan, long> Run)[] All =
    [
        ("read", (socket, client, time) => Requests(socket, time, ReadOrWrite(client, 0.9, random => $"shared/{random.Next(SharedKeys)}"))),
        ("write", (socket, client, time) => Requests(socket, time, ReadOrWrite(client, 0.1, random => $"own/{client}/{random.Next(OwnKeys)}"))),
        ("tx", Transactions),
        ("list", (socket, _, time) => Requests(socket, time, [StoreClient.Request(XenStoreMessageType.Directory, $"{Root}/dir\0")])),
        ("walk", (socket, _, time) => Requests(socket, time, Walk())),
        ("connect", Connect),
    ];

    public static void Populate(StoreClient client)
    {
        foreach (var path in Enumerable.Range(0, SharedKeys).Select(i => $"shared/{i}")
            .Concat(Enumerable.Range(0, Clients * OwnKeys).Select(i => $"own/{i / OwnKeys}/{i % OwnKeys}"))
            .Concat(Enumerable.Range(0, Children).Select(i => $"dir/{i:d3}")))
        {
            client.Ask(StoreClient.Request(XenStoreMessageType.Write, $"{Root}/{path}\0{Value}"));
        }
        foreach (var path in new[] { "counter/0", "counter/1" })
            client.Ask(StoreClient.Request(XenStoreMessageType.Write, $"{Root}/{path}\00"));
    }

    /// <summary>Runs a mix with all its clients at once. Returns how many requests were answered, and in which time.</summary>
    public static (long Requests, TimeSpan Time) Measure(Func<string, int, TimeSpan, long> mix, string socket, TimeSpan time)
    {
        var done = new long[Clients];
        var start = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, Clients).Select(client => new Thread(() => done[client] = mix(socket, client, time))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return (done.Sum(), Stopwatch.GetElapsedTime(start));
    }

    private static long Requests(string socket, TimeSpan time, byte[][] requests)
    {
        using var client = new StoreClient(socket);
        var start = Stopwatch.GetTimestamp();
        var done = 0L;
        for (; Stopwatch.GetElapsedTime(start) < time; done++)
            client.Ask(requests[done % requests.Length]);
        return done;
    }

    private static byte[][] ReadOrWrite(int client, double reads, Func<Random, string> key)
    {
        var random = new Random(client);
        return [.. Enumerable.Range(0, 4000).Select(_ => random.NextDouble() < reads
            ? StoreClient.Request(XenStoreMessageType.Read, $"{Root}/{key(random)}\0")
            : StoreClient.Request(XenStoreMessageType.Write, $"{Root}/{key(random)}\0{Value}"))];
    }

    private static byte[][] Walk()
    {
        var requests = new List<byte[]> { StoreClient.Request(XenStoreMessageType.Directory, $"{Root}/dir\0") };
        for (var i = 0; i < Children; i++)
        {
            requests.Add(StoreClient.Request(XenStoreMessageType.Read, $"{Root}/dir/{i:d3}\0"));
            requests.Add(StoreClient.Request(XenStoreMessageType.Directory, $"{Root}/dir/{i:d3}\0"));
        }
        return [.. requests];
    }

    /// <summary>Five reads and five writes each; every fifth transaction increments one of two counters that all share, and is repeated until it succeeds.</summary>
    private static long Transactions(string socket, int number, TimeSpan time)
    {
        using var client = new StoreClient(socket);
        var random = new Random(number);
        var start = Stopwatch.GetTimestamp();
        var done = 0L;
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            var shared = random.NextDouble() < 0.2 ? $"{Root}/counter/{random.Next(2)}\0" : null;
            var keys = Enumerable.Range(0, shared is null ? 5 : 4).Select(_ => $"{Root}/own/{number}/{random.Next(OwnKeys)}\0").ToList();
            bool committed;
            do
            {
                var id = uint.Parse(client.Ask(StoreClient.Request(XenStoreMessageType.TransactionStart, "\0"))[..^1], CultureInfo.InvariantCulture);
                if (shared is not null)
                {
                    var value = int.Parse(Encoding.Latin1.GetString(client.Ask(StoreClient.Request(XenStoreMessageType.Read, shared, id))), CultureInfo.InvariantCulture);
                    client.Ask(StoreClient.Request(XenStoreMessageType.Write, $"{shared}{value + 1}", id));
                }
                foreach (var key in keys)
                {
                    client.Ask(StoreClient.Request(XenStoreMessageType.Read, key, id));
                    client.Ask(StoreClient.Request(XenStoreMessageType.Write, key + Value, id));
                }
                committed = client.Ask(StoreClient.Request(XenStoreMessageType.TransactionEnd, "T\0", id)).SequenceEqual("OK\0"u8);
                done += 12;
            }
            while (!committed);
        }
        return done;
    }

    private static long Connect(string socket, int number, TimeSpan time)
    {
        var request = StoreClient.Request(XenStoreMessageType.Read, $"{Root}/shared/0\0");
        var start = Stopwatch.GetTimestamp();
        var done = 0L;
        for (; Stopwatch.GetElapsedTime(start) < time; done++)
        {
            using var client = new StoreClient(socket);
            client.Ask(request);
        }
        return done;
    }
}
