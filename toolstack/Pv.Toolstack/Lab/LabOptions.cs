using Pv.Toolstack.CommandLine;

namespace Pv.Toolstack.Lab;

/// <summary>What the words of <c>xl lab</c> ask for.</summary>
public sealed record LabOptions
{
    public const int UsualSeed = 1;

    public int Seed { get; init; } = UsualSeed;

    /// <summary>How often each thing is measured in each process; null for as often as usual.</summary>
    public int? Rounds { get; init; }

    /// <summary>In how many processes, one after another, everything is measured; null for as many as usual.</summary>
    public int? Processes { get; init; }

    /// <summary>A look, in seconds.</summary>
    public bool Quick { get; init; }

    /// <summary>How long everything is done without being measured, at least; null for as long as usual.</summary>
    public TimeSpan? WarmUp { get; init; }

    /// <summary>Engines by name; none for all.</summary>
    public IReadOnlyList<string> Engines { get; init; } = [];

    /// <summary>Calls by name; none for all.</summary>
    public IReadOnlyList<string> Calls { get; init; } = [];

    /// <exception cref="FormatException">A number is none; the message is for the user.</exception>
    public static LabOptions Parse(CommandWords words) => new()
    {
        Seed = words.Argument('s') is { } seed ? Number("--seed", seed, 0) : UsualSeed,
        Rounds = words.Argument('r') is { } rounds ? Number("--rounds", rounds, 3) : null,
        Processes = words.Argument('p') is { } processes ? Number("--processes", processes, 1) : null,
        Quick = words.Has('q'),
        Engines = words.Arguments('e'),
        Calls = words.Arguments('c'),
    };

    private static int Number(string option, string text, int least)
        => int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new FormatException($"{option} takes a number from {least} on, not '{text}'.");
}
