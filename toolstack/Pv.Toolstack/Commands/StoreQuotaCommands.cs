using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl xenstore-quota-get</c> and <c>xenstore-quota-set</c>: what xenstored lets a domain have, or all that have no setting of their own.</summary>
internal static class StoreQuotaCommands
{
    private const int NameWidth = 20;

    public static async Task<int> GetAsync(CommandContext context)
    {
        var (domain, rest) = await FindAsync(context);
        if (rest.Count > 0)
            throw new WrongUseException("", 2);
        var quotas = await context.Domains.ListStoreQuotasAsync(domain);
        await context.PrintAsync($"{"Quota name",-NameWidth} Quota value");
        foreach (var (name, value) in quotas)
            await context.PrintAsync($"{name,-NameWidth} {value}");
        return 0;
    }

    public static async Task<int> SetAsync(CommandContext context)
    {
        var (domain, rest) = await FindAsync(context);
        if (rest.Count == 0)
            throw new WrongUseException("Nothing to set: write <quota>=<value>.", 2);
        // All are read before the first is set.
        var wanted = rest.Select(Parse).ToArray();
        foreach (var (name, value) in wanted)
            await context.Domains.SetStoreQuotaAsync(domain, name, value);
        return 0;
    }

    internal static async Task<(DomId? Domain, IReadOnlyList<string> Words)> FindAsync(CommandContext context)
    {
        var words = context.Words;
        if (words.Has('g'))
            return (null, words.Rest);
        if (words.Rest.Count == 0)
            throw new WrongUseException("Name a domain, or -g for all.", 2);
        return ((await context.FindAsync(words.Rest[0])).Id, [.. words.Rest.Skip(1)]);
    }

    private static (string Name, int Value) Parse(string word)
    {
        var equals = word.IndexOf('=');
        return equals > 0 && int.TryParse(word[(equals + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? (word[..equals], value)
            : throw new ToolstackException($"'{word}' sets no quota: write <quota>=<value>, a number from 0 (without limit).");
    }
}
