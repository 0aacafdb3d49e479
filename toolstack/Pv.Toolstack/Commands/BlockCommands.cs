using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Json;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl block-attach</c>, <c>block-list</c>, <c>block-detach</c>: disks of domains that run.</summary>
internal static class BlockCommands
{
    public static async Task<int> AttachAsync(CommandContext context)
    {
        var words = context.Words.Rest;
        if (await context.TryFindAsync(words[0]) is not { } domain)
            throw new ToolstackException($"{words[0]} is an invalid domain identifier");
        if (await ParseAsync(context, [.. words.Skip(1)]) is not { } disk)
            return 1;
        return await ApplyAsync(context, disk, $"Attaching {disk.VirtualDevice} to domain {domain.Name}", disks => disks.AttachDiskAsync(domain.Id, disk, context.Terminal.Directory, context.Terminal.Gone));
    }

    public static async Task<int> ListAsync(CommandContext context)
    {
        await context.PrintAsync($"{"Vdev",-5} {"BE",-3} {"handle",-6} {"state",-5} {"evt-ch",-6} {"ring-ref",-8} {"BE-path",-30}");
        foreach (var word in context.Words.Rest)
        {
            if (await context.TryFindAsync(word) is not { } domain)
            {
                await context.ComplainAsync($"{word} is an invalid domain identifier");
                continue;
            }
            foreach (var disk in await context.Toolstack.Disks.ListDisksAsync(domain.Id))
                await context.PrintAsync(Row(disk));
        }
        return 0;
    }

    public static async Task<int> DetachAsync(CommandContext context)
    {
        var (word, name) = (context.Words.Rest[0], context.Words.Rest[1]);
        var domain = await context.FindAsync(word);
        if (!VirtualDiskNumber.TryParse(name, out var number) || (await context.Toolstack.Disks.ListDisksAsync(domain.Id)).All(disk => disk.Number != number.Number))
            throw new ToolstackException($"Error: Device {name} not connected.");
        var letGo = context.Toolstack.Disks.DetachDiskAsync(domain.Id, number.Number, context.Words.Has('f'), context.Terminal.Gone);
        if (await context.WithProgressAsync($"Waiting for domain {domain.Name} to let go of {name}", letGo))
            return 0;
        throw new ToolstackException($"Domain {domain.Name} does not let go of {name}: it may be in use there (-f does not ask).\nlibxl_device_disk_safe_remove failed.");
    }

    /// <summary>Reads the words of a disk; what is wrong with them is said.</summary>
    internal static async Task<DiskSpecification?> ParseAsync(CommandContext context, IReadOnlyList<string> words)
    {
        var diagnostics = new ConfigDiagnostics();
        var disk = DiskSpecificationParser.Parse(words, "command line", diagnostics);
        foreach (var line in diagnostics.Lines)
            await context.ComplainAsync(line);
        return disk;
    }

    /// <summary>Does what was asked with a disk or, in a dry run, shows what the words mean. Whatever fails, xl's exit code is 1.</summary>
    internal static async Task<int> ApplyAsync(CommandContext context, DiskSpecification disk, string doing, Func<IDisks, Task> act)
    {
        if (context.Global.DryRun)
        {
            await context.PrintAsync($"disk: {YajlText.Render(DeviceJson.Convert(disk))}");
            await context.PrintAsync("");
            return 0;
        }
        try
        {
            await context.WithProgressAsync(doing, act(context.Toolstack.Disks));
            return 0;
        }
        catch (ToolstackException failure)
        {
            throw new ToolstackException(failure.Message);
        }
    }

    private static string Row(DiskView disk)
        => $"{disk.Number,-5} {disk.BackEnd.Value,-3} {disk.FrontEnd.Value,-6} {(uint)disk.State,-5} {disk.Port,-6} {disk.RingRef,-8} {disk.BackEndPath,-30}";
}
