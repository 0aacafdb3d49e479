using System.Globalization;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Options whose argument is a number.</summary>
internal static class OptionNumbers
{
    /// <summary>The number of the option's last mention, or null.</summary>
    public static int? Number(this CommandWords words, char letter) => words.Argument(letter) is { } text ? Parse(letter, text) : null;

    public static int Parse(char letter, string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw new ToolstackException($"-{letter} takes a number, not '{text}'.");
}
