using System.Text;
using Pv.Config;
using Pv.Config.Strict;
using Pv.Toolstack.CommandLine;
using Pv.Xl.Terminal;

namespace Pv.Xl;

/// <summary><c>xl validate</c>: configuration files without a host.</summary>
internal static class ValidateWords
{
    /// <summary>0 when all can be used, 1 when one cannot.</summary>
    public static int Run(CommandWords words)
    {
        var validator = new ConfigValidator(Environment.CurrentDirectory, new HostTopology(Environment.ProcessorCount));
        foreach (var file in words.Rest)
            validator.CheckFile(file);
        var text = new StringBuilder();
        if (words.Has('j'))
        {
            text.Append(validator.ToJson()).Append('\n');
        }
        else
        {
            var isColored = TerminalColor.IsWanted(Tty.IsTerminal(1), Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM"));
            foreach (var finding in validator.Findings)
                text.Append(isColored ? Paint(finding) : $"{finding}").Append('\n');
        }
        StandardStream.Write(1, Encoding.UTF8.GetBytes(text.ToString()));
        if (!words.Has('q') && !words.Has('j'))
            StandardStream.Complain($"{Count(validator.Files, "file")}: {Count(validator.Errors, "error")}, {Count(validator.Warnings, "warning")}");
        return validator.Errors > 0 || words.Has('W') && validator.Warnings > 0 ? 1 : 0;
    }

    private static string Paint(ConfigFinding finding)
    {
        var (word, color) = finding.Severity == FindingSeverity.Error ? ("error:", TerminalColor.Red) : ("warning:", TerminalColor.Yellow);
        var line = $"{finding}";
        var at = line.IndexOf($" {word} ", StringComparison.Ordinal) + 1;
        return line[..at] + TerminalColor.Paint(word, color) + line[(at + word.Length)..];
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";
}
