using System.Globalization;

namespace Pv.Fuzz;

/// <summary>What the command line asks for.</summary>
internal sealed record FuzzOptions(ulong Seed, long Calls, int CallsOfASeed, bool Follows, FuzzWay Way, string? Log, IReadOnlyList<string> ToSum)
{
    public const string Usage = "Pv.Fuzz [--way alone|turns|threads|code|codeturns] [--seed FIRST] [--calls AT-LEAST] [--per-seed CALLS] [--log FILE] [--follow]\nPv.Fuzz sum LOG LOG... [--log TOTAL]";

    public static FuzzOptions? Parse(string[] words)
    {
        var options = new FuzzOptions(1, 100_000, 20_000, false, FuzzWay.Alone, null, []);
        for (var i = 0; i < words.Length; i++)
        {
            switch (words[i])
            {
                case "--follow":
                    options = options with { Follows = true };
                    break;
                case "--way" when i + 1 < words.Length && Enum.TryParse<FuzzWay>(words[i + 1], ignoreCase: true, out var way):
                    options = options with { Way = way };
                    i++;
                    break;
                case "sum" when i == 0:
                    options = options with { ToSum = [.. words.Skip(1).TakeWhile(word => word != "--log")] };
                    if (options.ToSum.Count == 0)
                        return null;
                    i += options.ToSum.Count;
                    break;
                case "--log" when i + 1 < words.Length:
                    options = options with { Log = words[++i] };
                    break;
                case "--seed" or "--calls" or "--per-seed" when i + 1 < words.Length && int.TryParse(words[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                    options = words[i++] switch
                    {
                        "--seed" => options with { Seed = (ulong)number },
                        "--calls" => options with { Calls = number },
                        _ => options with { CallsOfASeed = number },
                    };
                    break;
                default:
                    return null;
            }
        }
        return options;
    }
}

/// <summary>Who makes the calls.</summary>
internal enum FuzzWay
{
    /// <summary>One thread, for one vCPU after the other: the fastest, and a seed replays call by call.</summary>
    Alone,

    /// <summary>The vCPUs that pCPUs run, which take turns by the seed: a seed is one history.</summary>
    Turns,

    /// <summary>The vCPUs that pCPUs run, as the host's threads go.</summary>
    Threads,

    /// <summary>Machine code on the software engine, on pCPUs as the host's threads go.</summary>
    Code,

    /// <summary>The same, and pCPUs take turns by the seed.</summary>
    CodeTurns,
}
