using System.Globalization;
using Pv.Abi;
using Pv.Frontends;
using Pv.Guest;

namespace Pv.SampleGuests.Commands;

/// <summary>The words of the shell, one row each.</summary>
internal static class ShellCommands
{
    public static IReadOnlyList<ShellCommand> All(GuestContext guest, BlockFrontends disks)
    {
        var store = new StoreCommand(guest);
        var disk = new DiskCommand(guest, disks);
        List<ShellCommand> commands =
        [
            new("mem", "", "the domain's memory", _ => MemoryAsync(guest)),
            new("time", "", "system time and the time of day", _ => TimeAsync(guest)),
            new("uptime", "", "how long the kernel has run", _ => UptimeAsync(guest)),
            new("version", "", "the hypervisor's version", _ => VersionAsync(guest)),
            new("xs", "ls|read|write|rm|watch", "the store: a path, and a value to write", store.RunAsync),
            new("disks", "", "the disks", _ => DiskList.ShowAsync(guest, disks)),
            new("disk", "read|write|flush|discard|bench", "one disk; 'disk' alone says more", disk.RunAsync),
            new("ping", "<domid> [count]", "round trips to another shell over an event channel", words => Ping.RunAsync(guest, words)),
            new("async", "[batches]", "batches of asynchronous hypercalls", words => AsyncCommand.RunAsync(guest, words)),
            new("echo", "<text>", "writes it", words => guest.Console.WriteLineAsync(string.Join(' ', words))),
            new("sleep", "<seconds>", "waits on the vCPU's timer", words => guest.Delay(TimeSpan.FromSeconds(Number(words, 0, 1)))),
            new("spin", "[seconds]", "computes, and lets others through", words => SpinAsync(guest, Number(words, 0, 1))),
            new("hog", "[seconds]", "computes, and lets nobody through", words => HogAsync(guest, Number(words, 0, 1))),
            new("crash", "[reason]", "the kernel throws", words => throw new InvalidOperationException(words.Length == 0 ? "as asked" : string.Join(' ', words))),
            new("stray", "", "the kernel breaks the rule of turns, and crashes", _ => StrayAsync()),
            new("shutdown", "", "powers off", _ => guest.ShutdownAsync(ShutdownReason.PowerOff)),
            new("reboot", "", "ends the domain, to be built again", _ => guest.ShutdownAsync(ShutdownReason.Reboot)),
        ];
        commands.Insert(0, new ShellCommand("help", "", "this list", _ => HelpAsync(guest, commands)));
        return commands;
    }

    private static async Task HelpAsync(GuestContext guest, List<ShellCommand> commands)
    {
        foreach (var command in commands)
            await guest.Console.WriteLineAsync($"  {command.Name + " " + command.Arguments,-38}{command.Purpose}");
    }

    private static Task MemoryAsync(GuestContext guest)
    {
        var memory = guest.Memory;
        var reserved = guest.Hypercalls.CurrentReservation(DomId.Self);
        return guest.Console.WriteLineAsync(
            $"{memory.FrameCount} frames ({memory.FrameCount / 256} MiB), {memory.FreeFrames} free; the hypervisor counts {reserved}.");
    }

    private static Task TimeAsync(GuestContext guest)
        => guest.Console.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"{guest.Clock.WallClock:yyyy-MM-dd HH:mm:ss} UTC, system time {guest.Clock.Now / 1e9:F6} s"));

    private static Task UptimeAsync(GuestContext guest)
        => guest.Console.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"up {guest.Clock.Uptime.TotalSeconds:F3} s"));

    private static Task VersionAsync(GuestContext guest)
    {
        var version = guest.Hypercalls.XenVersion();
        return guest.Console.WriteLineAsync($"Xen {version >> 16}.{version & 0xffff}{guest.Hypercalls.XenExtraVersion()}");
    }

    private static async Task SpinAsync(GuestContext guest, double seconds)
    {
        var end = guest.Clock.Now + (ulong)(seconds * 1e9);
        ulong rounds = 0;
        while (guest.Clock.Now < end)
        {
            rounds++;
            await guest.Poll();
        }
        await guest.Console.WriteLineAsync($"{rounds} rounds");
    }

    private static Task HogAsync(GuestContext guest, double seconds)
    {
        var end = guest.Clock.Now + (ulong)(seconds * 1e9);
        while (guest.Clock.Now < end)
        {
            // On purpose: what the log says of a guest that never polls.
        }
        return Task.CompletedTask;
    }

    private static async Task StrayAsync()
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = WaitAsync();
#pragma warning disable RS0030 // On purpose: what becomes of a guest whose code is continued by another thread.
        ThreadPool.QueueUserWorkItem(_ => source.SetResult());
#pragma warning restore RS0030
        await waiting;

        async Task WaitAsync() => await source.Task;
    }

    private static double Number(string[] words, int index, double otherwise)
    {
        if (words.Length <= index)
            return otherwise;
        return double.TryParse(words[index], CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 1e6
            ? number
            : throw new UsageException($"'{words[index]}' is no number of seconds.");
    }
}
