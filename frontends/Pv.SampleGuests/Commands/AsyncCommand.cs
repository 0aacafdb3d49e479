using System.Globalization;
using Pv.Abi;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>async</c>: batches of hypercalls left in the vCPU's queue, which the hypervisor makes while the guest goes on.</summary>
internal static class AsyncCommand
{
    private const int DefaultBatches = 10, MostBatches = 100_000;

    public static async Task RunAsync(GuestContext guest, string[] words)
    {
        var batches = Parse(words);
        if (guest.Hypercalls.AsyncVersion() == 0)
            throw new UsageException("there are no asynchronous hypercalls here; 'async_hypercalls=1' in the configuration allows them.");
        var version = guest.Hypercalls.XenVersion();
        using var queue = guest.OpenAsyncQueue();
        using var batch = queue.Batch();
        var start = guest.Clock.Now;
        var calls = 0;
        for (var i = 0; i < batches; i++)
        {
            batch.Clear();
            while (batch.HasRoom())
                batch.Add(HypercallNumber.XenVersion, (ulong)XenVersionOperation.Version);
            batch.Submit().OrThrow("submitting a batch");
            if (!await batch.WhenDoneAsync())
                throw new HypercallException("waiting for a batch", queue.Stopped);
            for (var call = 0; call < batch.Count; call++)
                calls += batch.Result(call) == version ? 1 : 0;
        }
        await guest.Console.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"{calls} of {batches * HypercallBatch.Capacity} calls were made, {queue.Kicks} entries to wake the service, {(guest.Clock.Now - start) / 1e3:F1} us"));
    }

    private static int Parse(string[] words)
    {
        if (words.Length == 0)
            return DefaultBatches;
        return words.Length == 1 && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var batches) && batches is >= 1 and <= MostBatches
            ? batches : throw new UsageException($"async [batches], from 1 to {MostBatches}.");
    }
}
