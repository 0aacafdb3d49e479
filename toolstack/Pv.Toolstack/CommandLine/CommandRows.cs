namespace Pv.Toolstack.CommandLine;

/// <summary>Every subcommand, in the order in which help lists them.</summary>
public static partial class CommandRows
{
    private const CommandTraits Reads = CommandTraits.None, Changes = CommandTraits.Changes;
    private const CommandTraits Built = CommandTraits.Built, DryRun = CommandTraits.DryRun;

    /// <summary>The whole table.</summary>
    public static IReadOnlyList<CommandRow> All { get; } = [.. Lives(), .. Views(), .. Machines(), .. Devices(), .. Transfers(), .. Hosts()];

    /// <summary>The command that a word names, or begins without another beginning so; null if none or several.</summary>
    public static CommandRow? Find(string word)
    {
        CommandRow? begun = null;
        var count = 0;
        foreach (var row in All)
        {
            if (row.Name == word)
                return row;
            if (!row.Name.StartsWith(word, StringComparison.Ordinal))
                continue;
            begun = row;
            count++;
        }
        return count == 1 ? begun : null;
    }
}
