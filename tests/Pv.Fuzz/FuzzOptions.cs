using System.Globalization;

namespace Pv.Fuzz;

/// <summary>What the command line asks for.</summary>
internal sealed record FuzzOptions(ulong Seed, long Calls, int CallsOfASeed, bool Follows)
{
    public const string Usage = "Pv.Fuzz [--seed FIRST] [--calls AT-LEAST] [--per-seed CALLS] [--follow]";

    public static FuzzOptions? Parse(string[] words)
    {
        var options = new FuzzOptions(1, 100_000, 20_000, false);
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == "--follow")
            {
                options = options with { Follows = true };
                continue;
            }
            if (++i == words.Length || !ulong.TryParse(words[i], CultureInfo.InvariantCulture, out var number) || number > int.MaxValue && words[i - 1] == "--per-seed" || number > long.MaxValue)
                return null;
            switch (words[i - 1])
            {
                case "--seed":
                    options = options with { Seed = number };
                    break;
                case "--calls":
                    options = options with { Calls = (long)number };
                    break;
                case "--per-seed":
                    options = options with { CallsOfASeed = (int)number };
                    break;
                default:
                    return null;
            }
        }
        return options;
    }
}
