using System.Text;

namespace Pv.Toolstack.CommandLine;

/// <summary>What <c>xl help</c> prints.</summary>
public static class CommandHelp
{
    private const int NameWidth = 19, OptionWidth = 23;

    /// <summary>The list of commands; those that are not built yet stand in a paragraph of their own.</summary>
    public static string List(bool whole)
    {
        var text = new StringBuilder("Usage: xl [-vNftT] <subcommand> [arguments]\n\nSubcommands (any unambiguous beginning of a name will do):\n\n");
        foreach (var row in CommandRows.All.Where(row => row is { IsBuilt: true, IsAbsent: false }))
        {
            if (whole)
                text.Append(Of(row)).Append('\n');
            else
                text.Append(' ').Append(row.Name.PadRight(NameWidth)).Append(' ').Append(row.Summary).Append('\n');
        }
        text.Append("\nAbout hardware that Pv never has:\n\n");
        AppendNames(text, CommandRows.All.Where(row => row.IsAbsent));
        text.Append("\nNot built yet in this version of Pv:\n\n");
        AppendNames(text, CommandRows.All.Where(row => !row.IsBuilt));
        text.Append("\nGlobal options:\n\n");
        foreach (var (option, meaning) in Globals)
            text.Append(option.PadRight(OptionWidth)).Append(' ').Append(meaning).Append('\n');
        return text.ToString();
    }

    private static void AppendNames(StringBuilder text, IEnumerable<CommandRow> rows)
    {
        const int LineWidth = 76;
        var line = "";
        foreach (var row in rows)
        {
            if (line.Length + row.Name.Length > LineWidth)
            {
                text.Append(line).Append('\n');
                line = "";
            }
            line += ' ' + row.Name;
        }
        text.Append(line).Append('\n');
    }

    /// <summary>The help of one command.</summary>
    public static string Of(CommandRow row)
    {
        var flags = "vtT" + ((row.Traits & CommandTraits.Changes) != 0 ? "f" : "") + (row.HasDryRun ? "N" : "");
        var text = new StringBuilder($"Usage: xl [-{flags}] {row.Name} {row.Arguments}".TrimEnd()).Append("\n\n").Append(row.Summary).Append(".\n");
        if (!row.IsBuilt)
            text.Append("Not built yet in this version of Pv.\n");
        if (row.IsAbsent)
            text.Append("Pv never has what it is about.\n");
        if (row.Options.Length > 0)
        {
            text.Append("\nOptions:\n\n");
            foreach (var option in row.Options)
                text.Append(Form(option).PadRight(OptionWidth)).Append(' ').Append(option.Help).Append(".\n");
            text.Append("-h".PadRight(OptionWidth)).Append(" Print this help.\n");
        }
        if (row.Notes != null)
            text.Append('\n').Append(row.Notes).Append('\n');
        return text.ToString();
    }

    /// <summary>The global options.</summary>
    public static (string Option, string Meaning)[] Globals =>
    [
        ("-v", "Show what pvd logs meanwhile; twice, its daemons' lines, too; three times, the hypervisor's."),
        ("-N", "Do nothing; print what would be done."),
        ("-f", "Go on where a check would refuse (Pv makes none so far)."),
        ("-t", "Progress overwrites its line, even where the output is no terminal."),
        ("-T", "The lines of -v bear the time."),
    ];

    /// <summary>An option as it is typed: <c>-x, --long=ARGUMENT</c>.</summary>
    public static string Form(OptionRow option)
    {
        var letter = option.HasLetter ? $"-{option.Letter}" + (option.Argument == null ? "" : " " + option.Argument) : "";
        var name = option.Long == null ? "" : $"--{option.Long}" + (option.Argument == null ? "" : "=" + option.Argument);
        return letter.Length > 0 && name.Length > 0 ? $"{letter}, {name}" : letter + name;
    }
}
