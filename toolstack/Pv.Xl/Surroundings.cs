using System.Collections;
using Pv.Toolstack.Control;
using Pv.Xl.Terminal;

namespace Pv.Xl;

/// <summary>What a command may want to know of the place where <c>xl</c> was typed.</summary>
internal static class Surroundings
{
    public static TerminalFacts Terminal()
    {
        var terminals = StandardStreams.None;
        for (var stream = 0; stream < 3; stream++)
        {
            if (Tty.IsTerminal(stream))
                terminals |= (StandardStreams)(1 << stream);
        }
        var (columns, rows) = terminals == StandardStreams.None ? (0, 0) : Tty.Size(int.TrailingZeroCount((int)terminals));
        return new TerminalFacts(terminals, columns, rows);
    }

    /// <summary>The variables that commands look at; the rest of a user's environment is nobody's business.</summary>
    public static string[] Variables()
    {
        var chosen = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (name is "TERM" or "NO_COLOR" || name.StartsWith("PV_", StringComparison.Ordinal) || name.StartsWith("LIBXL_", StringComparison.Ordinal))
                chosen.Add($"{name}={variable.Value}");
        }
        return [.. chosen];
    }
}
