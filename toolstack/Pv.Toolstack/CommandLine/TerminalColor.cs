namespace Pv.Toolstack.CommandLine;

/// <summary>Colour on terminals, and nowhere else: not where <c>NO_COLOR</c> is set (no-color.org), nor on a terminal that knows none.</summary>
public static class TerminalColor
{
    public const string Red = "31", Yellow = "33", Green = "32";

    /// <summary>Whether there is to be any.</summary>
    /// <param name="isTerminal">Whether the output goes to a terminal.</param>
    /// <param name="noColor">The value of <c>NO_COLOR</c>, or null.</param>
    /// <param name="terminal">The value of <c>TERM</c>, or null.</param>
    public static bool IsWanted(bool isTerminal, string? noColor, string? terminal) => isTerminal && string.IsNullOrEmpty(noColor) && terminal != "dumb";

    /// <summary>The words in a colour, if there is one.</summary>
    public static string Paint(string words, string? color) => color == null ? words : $"\e[{color}m{words}\e[0m";
}
