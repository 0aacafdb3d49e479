using Pv.Config.Devices;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl cd-insert</c> and <c>cd-eject</c>: discs in the drives of domains that run.</summary>
/// <remarks>Xen's own tools refuse them for paravirtualized domains; here the front end sees the new disc as a disk of another length.</remarks>
internal static class DriveCommands
{
    public static Task<int> InsertAsync(CommandContext context) => ChangeAsync(context, context.Words.Rest[2]);

    public static Task<int> EjectAsync(CommandContext context) => ChangeAsync(context, "");

    private static async Task<int> ChangeAsync(CommandContext context, string file)
    {
        var domain = await context.FindAsync(context.Words.Rest[0]);
        if (await BlockCommands.ParseAsync(context, [$"vdev={context.Words.Rest[1]},access=r,devtype=cdrom,target={file}"]) is not { } disc)
            return 1;
        if (disc.Format != DiskFormat.Empty && !File.Exists(Path.Combine(context.Terminal.Directory, disc.Target!)))
            throw new ToolstackException($"Cannot stat file: {disc.Target}");
        return await BlockCommands.ApplyAsync(context, disc, $"Changing the disc of domain {domain.Name}", disks => disks.ChangeDiscAsync(domain.Id, disc, context.Terminal.Directory, context.Terminal.Gone));
    }
}
