using Pv.Toolstack.Channels;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl channel-list</c>: the consoles of domains beside their first.</summary>
internal static class ChannelCommands
{
    public static async Task<int> ListAsync(CommandContext context)
    {
        await context.PrintAsync($"{"Idx",-3} {"BE",-2} {"state",-5} {"evt-ch",-6} {"ring-ref",-8} {"connection",-10} {"",-30}");
        foreach (var word in context.Words.Rest)
        {
            var domain = await context.FindAsync(word);
            foreach (var channel in await context.Toolstack.Channels.ListChannelsAsync(domain.Id))
                await context.PrintAsync(Row(channel));
        }
        return 0;
    }

    private static string Row(ChannelView channel)
        => $"{channel.Number,-3} {channel.BackEnd.Value,-2} {(uint)channel.State,-5} {channel.Port,-6} {channel.RingRef,-8} {channel.Connection.ToString().ToLowerInvariant(),-10} {channel.Path,-30} ";
}
