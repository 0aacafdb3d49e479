using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl uptime</c>: how long domains have been running.</summary>
internal static class UptimeCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var domains = new List<DomainView>();
        foreach (var word in context.Words.Rest)
            domains.Add(await context.FindAsync(word));
        if (domains.Count == 0)
            domains.AddRange(await context.Domains.ListAsync());
        var now = DateTimeOffset.Now;
        var isShort = context.Words.Has('s');
        if (!isShort)
            await context.PrintAsync($"{"Name",-33} {"ID",4} Uptime");
        foreach (var domain in domains)
        {
            await context.PrintAsync(isShort
                ? $" {now:HH:mm:ss} up {Days(now - domain.Started)}{(now - domain.Started).Hours,2}:{now - domain.Started:mm}, {domain.Name} ({domain.Id.Value})"
                : $"{domain.Name,-33} {domain.Id.Value,4} {Days(now - domain.Started)}{(now - domain.Started).Hours,2}:{now - domain.Started:mm\\:ss}");
        }
        return 0;
    }

    private static string Days(TimeSpan time) => time.Days switch
    {
        0 => "",
        1 => "1 day, ",
        var days => $"{days} days, ",
    };
}
