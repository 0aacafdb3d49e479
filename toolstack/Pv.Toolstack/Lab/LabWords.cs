using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab.Batching;
using Pv.Toolstack.Lab.Latency;
using Pv.Toolstack.Lab.Replay;

namespace Pv.Toolstack.Lab;

/// <summary>Which words go with which experiment: one that would be without effect is refused, since whoever gave it expects one.</summary>
internal static class LabWords
{
    private static readonly (char Letter, string Name, string[] For)[] Particular =
    [
        ('c', "--call", [BatchingExperiment.Name]),
        ('p', "--processes", [BatchingExperiment.Name, LatencyExperiment.Name]),
        ('1', "--compare", [BatchingExperiment.Name, LatencyExperiment.Name]),
        ('2', "--costs", [ReplayReport.Name]),
    ];

    /// <exception cref="FormatException">They do not go together; the message is for the user.</exception>
    public static void Check(string experiment, CommandWords words)
    {
        if (experiment == ReplayReport.Name && words.Rest.Count != 2)
            throw new FormatException("replay takes one file: a trace, as 'xl trace DOMAIN show --json' prints it.");
        if (experiment != ReplayReport.Name && words.Rest.Count > 1)
            throw new FormatException($"{experiment} takes no file: what is '{words.Rest[1]}'?");
        foreach (var (letter, name, experiments) in Particular)
        {
            if (words.Has(letter) && !experiments.Contains(experiment))
                throw new FormatException($"{name} is for {string.Join(" and ", experiments)}, not for {experiment}.");
        }
        if (words.Has('j') && words.Has('v'))
            throw new FormatException("--json and --csv both say what is printed: give one of them.");
    }
}
