using System.Text;
using Pv.Toolstack.CommandLine;

namespace Pv.Xl.Help;

/// <summary>The manual page xl(1) in roff (man(7)), made from the command table.</summary>
internal static class ManualPage
{
    public static string Text()
    {
        var text = new StringBuilder();
        text.Append(".TH XL 1 \"\" \"Pv\" \"User Commands\"\n");
        text.Append(".SH NAME\nxl \\- manage the domains of a Pv host\n");
        text.Append(".SH SYNOPSIS\n.B xl\n.RB [ \\-vNftT ]\n.I subcommand\n.RI [ arguments ]\n");
        text.Append(".SH DESCRIPTION\n");
        Paragraph(text, "xl talks to pvd, which is a Xen host in one process of its user: it starts one when none runs. Subcommands, configuration files, "
            + "columns and exit codes are those of Xen's xl; those marked as Pv's own are added beside them. Any unambiguous beginning of a subcommand's name will do.");
        text.Append(".SH GLOBAL OPTIONS\n");
        foreach (var (option, meaning) in CommandHelp.Globals)
            text.Append(".TP\n.B ").Append(Escape(option)).Append('\n').Append(Escape(meaning)).Append('\n');
        text.Append(".SH SUBCOMMANDS\n");
        foreach (var row in CommandRows.All.Where(row => row.IsBuilt))
            Append(text, row);
        text.Append(".SH NOT BUILT YET\n");
        Paragraph(text, string.Join(", ", CommandRows.All.Where(row => !row.IsBuilt).Select(row => row.Name)) + ".");
        text.Append(".SH EXIT STATUS\n");
        foreach (var (code, meaning) in (ReadOnlySpan<(string, string)>)
                 [("0", "Success."), ("1", "It could not be done; one sentence on standard error says why."), ("2", "Wrong use."), ("3, 6", "What create and its like say of a file or a domain that cannot be used.")])
            text.Append(".TP\n.B ").Append(code).Append('\n').Append(meaning).Append('\n');
        Paragraph(text, "Other codes stand with the subcommands that have them.");
        text.Append(".SH ENVIRONMENT\n");
        foreach (var (name, meaning) in (ReadOnlySpan<(string, string)>)
                 [
                     ("PV_RUN_DIR", "The run directory, which is the host's identity; else $XDG_RUNTIME_DIR/pv, else pv-<uid> in the temporary directory."),
                     ("PV_PVD", "The pvd to start when none runs."), ("PV_START", "no: start none."), ("NO_COLOR", "Set to anything: no colour on terminals."),
                 ])
            text.Append(".TP\n.B ").Append(name).Append('\n').Append(Escape(meaning)).Append('\n');
        text.Append(".SH SEE ALSO\n.BR xl.cfg (5),\n.BR xentop (1)\n");
        return text.ToString();
    }

    private static void Append(StringBuilder text, CommandRow row)
    {
        text.Append(".SS ").Append(Escape(row.Name)).Append(row.IsOwn ? " (Pv's own)" : "").Append('\n');
        text.Append(".B xl ").Append(Escape($"{row.Name} {row.Arguments}".TrimEnd())).Append("\n.PP\n").Append(Escape(row.Summary)).Append(".\n");
        foreach (var option in row.Options)
            text.Append(".TP\n.B ").Append(Escape(CommandHelp.Form(option))).Append('\n').Append(Escape(option.Help)).Append(".\n");
        if (row.Notes == null)
            return;
        text.Append(".PP\n.nf\n");
        foreach (var line in row.Notes.Split('\n'))
            text.Append(Escape(line)).Append('\n');
        text.Append(".fi\n");
    }

    private static void Paragraph(StringBuilder text, string words) => text.Append(".PP\n").Append(Escape(words)).Append('\n');

    /// <summary>A backslash, a minus that is to be copied, and a line that looks like a request.</summary>
    private static string Escape(string words)
    {
        var safe = words.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);
        return safe.Length > 0 && safe[0] is '.' or '\'' ? "\\&" + safe : safe;
    }
}
