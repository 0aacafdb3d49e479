namespace Pv.Toolstack.CommandLine;

/// <summary>Every subcommand, in the order in which help lists them.</summary>
public static partial class CommandRows
{
    private const CommandTraits Reads = CommandTraits.None, Changes = CommandTraits.Changes;
    private const CommandTraits Built = CommandTraits.Built, DryRun = CommandTraits.DryRun, Own = CommandTraits.Own, Local = CommandTraits.Local;
    private const CommandTraits Absent = CommandTraits.Absent | CommandTraits.Built;

    /// <summary>The whole table.</summary>
    public static IReadOnlyList<CommandRow> All { get; } =
    [
        .. ((CommandRow[])[.. Lives(), .. Views(), .. Machines(), .. Devices(), .. OtherDevices(), .. Transfers(), .. Hosts(), .. Hardware(), .. OwnWords()]).Select(AddJson),
    ];

    /// <summary>
    /// The command that a word names, or begins without another beginning so; null if none or several. Pv's own words count only where none of
    /// xl's begins so: what is short for one of those stays short for it.
    /// </summary>
    public static CommandRow? Find(string word)
    {
        CommandRow? begun = null, own = null;
        var (count, owns) = (0, 0);
        foreach (var row in All)
        {
            if (row.Name == word)
                return row;
            if (!row.Name.StartsWith(word, StringComparison.Ordinal))
                continue;
            if (row.IsOwn)
                (own, owns) = (row, owns + 1);
            else
                (begun, count) = (row, count + 1);
        }
        return (count, owns) switch { (1, _) => begun, (0, 1) => own, _ => null };
    }
}
