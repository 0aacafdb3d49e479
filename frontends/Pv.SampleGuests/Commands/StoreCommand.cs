using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary><c>xs</c>: looks into the store and changes it.</summary>
internal sealed class StoreCommand(GuestContext guest)
{
    public Task RunAsync(string[] words) => words switch
    {
        ["ls"] => ListAsync("."),
        ["ls", var path] => ListAsync(path),
        ["read", var path] => ReadAsync(path),
        ["write", var path, .. var value] => guest.XenStore.WriteAsync(path, string.Join(' ', value)),
        ["rm", var path] => guest.XenStore.RemoveAsync(path),
        ["watch", var path] => WatchAsync(path),
        _ => throw new UsageException("xs ls [path], xs read <path>, xs write <path> <value>, xs rm <path>, xs watch <path>"),
    };

    private async Task ListAsync(string path)
    {
        // The domain's own directory has no relative name.
        var node = path == "." ? await guest.XenStore.GetDomainPathAsync(guest.Domain) : path;
        if (await guest.XenStore.ListAsync(node) is not { } names)
        {
            await guest.Console.WriteLineAsync($"{node}: no such node");
            return;
        }
        foreach (var name in names)
        {
            var value = await guest.XenStore.ReadAsync($"{node.TrimEnd('/')}/{name}");
            await guest.Console.WriteLineAsync(string.IsNullOrEmpty(value) ? name : $"{name} = \"{value}\"");
        }
    }

    private async Task ReadAsync(string path)
        => await guest.Console.WriteLineAsync(await guest.XenStore.ReadAsync(path) ?? $"{path}: no such node");

    /// <summary>Shows the next three events, the first of which comes at once.</summary>
    private async Task WatchAsync(string path)
    {
        const int shown = 3;
        await using var watch = await guest.XenStore.WatchAsync(path);
        var count = 0;
        await foreach (var changed in watch.Events)
        {
            await guest.Console.WriteLineAsync(changed);
            if (++count == shown)
                return;
        }
    }
}
