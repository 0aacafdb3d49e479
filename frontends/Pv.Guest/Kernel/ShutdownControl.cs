using Pv.Abi;

namespace Pv.Guest;

/// <summary>
/// Answers the toolstack's <c>control/shutdown</c> (xenstore-paths): says what the guest can do, takes each request once, and does it.
/// </summary>
internal sealed class ShutdownControl(GuestKernel kernel, GuestContext guest)
{
    private const string Node = "control/shutdown";

    public async Task RunAsync()
    {
        await using var watch = await guest.XenStore.WatchAsync(Node);
        await AdvertiseAsync();
        await foreach (var _ in watch.Events)
        {
            if (await TakeAsync() is { Length: > 0 } request)
                await AnswerAsync(request);
        }
    }

    private async Task AdvertiseAsync()
    {
        try
        {
            await guest.XenStore.WriteAsync("control/feature-poweroff", "1");
            await guest.XenStore.WriteAsync("control/feature-reboot", "1");
        }
        catch (XenStoreException failure) when (failure.Error == Errno.EACCES)
        {
            // A toolstack that keeps the directory to itself does not want to know.
        }
    }

    /// <summary>Reads the request and, as an acknowledgement, empties it.</summary>
    private async Task<string?> TakeAsync()
    {
        string? request = null;
        await guest.XenStore.TransactAsync(async store =>
        {
            request = await store.ReadAsync(Node);
            if (!string.IsNullOrEmpty(request))
                await store.WriteAsync(Node, "");
        });
        return request;
    }

    private Task AnswerAsync(string request) => request switch
    {
        "poweroff" or "halt" => EndAsync(ShutdownReason.PowerOff),
        "reboot" => EndAsync(ShutdownReason.Reboot),
        "suspend" => guest.Console.WriteLineAsync("A C# guest cannot be suspended: its state is in the managed heap of pvd."),
        _ => guest.Console.WriteLineAsync($"The toolstack asks for '{request}', which this kernel does not know."),
    };

    private async Task EndAsync(ShutdownReason reason)
    {
        await kernel.StopAsync(guest, reason);
        await guest.ShutdownAsync(reason);
    }
}
