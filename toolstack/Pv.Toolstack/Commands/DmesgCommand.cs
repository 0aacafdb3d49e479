namespace Pv.Toolstack.Commands;

/// <summary><c>xl dmesg</c>: the hypervisor's log.</summary>
internal static class DmesgCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var log = context.Toolstack.Host.ReadLog(clear: context.Words.Has('c'));
        if (log.Length > 0)
            await context.PrintAsync(log.TrimEnd('\n'));
        return 0;
    }
}
