using Pv.Abi;
using Pv.Frontends;
using Pv.Guest;
using Pv.SampleGuests.Commands;

namespace Pv.SampleGuests;

/// <summary>A small interactive shell on the domain's console, and a partner for other guests' <c>ping</c>.</summary>
public sealed class Shell : GuestKernel
{
    protected override async Task MainAsync(GuestContext guest)
    {
        var partner = new PingPartner(guest);
        guest.Spawn(partner.ServeAsync);
        var disks = BlockFrontends.Open(guest);
        disks.Changed += disk => guest.Spawn(() => AnnounceAsync(guest, disk));
        var commands = ShellCommands.All(guest, disks);
        await guest.Console.WriteLineAsync($"\nPv shell on domain {guest.Domain.Value}. Try 'help'.");
        while (await guest.Console.ReadLineAsync("pv> ") is { } line)
            await RunAsync(guest, commands, line);
        await guest.Console.WriteLineAsync("\nBye.");
    }

    protected override Task StopAsync(GuestContext guest, ShutdownReason reason)
        => guest.Console.WriteLineAsync($"\nThe toolstack asks for {reason}.");

    private static Task AnnounceAsync(GuestContext guest, BlockFrontend disk) => disk.State switch
    {
        BlockFrontendState.Connected => guest.Console.WriteLineAsync($"\n{disk.Name}: {DiskList.Describe(disk.Features)}"),
        BlockFrontendState.Ended => guest.Console.WriteLineAsync($"\n{disk.Name}: gone, {disk.EndReason}"),
        _ when disk.Statistics.Connections > 0 => guest.Console.WriteLineAsync($"\n{disk.Name}: waits for its back end"),
        _ => Task.CompletedTask,
    };

    private static async Task RunAsync(GuestContext guest, IReadOnlyList<ShellCommand> commands, string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return;
        if (commands.FirstOrDefault(command => command.Name == words[0]) is not { } chosen)
        {
            await guest.Console.WriteLineAsync($"{words[0]}: no such command; 'help' lists what there is.");
            return;
        }
        try
        {
            await chosen.RunAsync(words[1..]);
        }
        catch (Exception failure) when (failure is XenStoreException or HypercallException or GrantException or BlockException or UsageException)
        {
            await guest.Console.WriteLineAsync($"{chosen.Name}: {failure.Message}");
        }
    }
}
