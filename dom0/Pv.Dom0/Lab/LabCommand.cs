using System.Runtime;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab;

namespace Pv.Dom0.Lab;

/// <summary><c>pvd lab</c>: what <c>xl lab</c> starts. A process of its own, so that a running <c>pvd</c> and its domains share nothing with it but the processors.</summary>
internal static class LabCommand
{
    public static async Task<int> RunAsync(string[] words)
    {
        GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        var choice = CommandChoice.Of(["lab", .. words]);
        if (choice.Row is null)
        {
            Console.Out.Write(choice.Output);
            Console.Error.Write(choice.ErrorOutput);
            return choice.ExitCode;
        }
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        var isTerminal = !Console.IsOutputRedirected;
        var output = new LabOutput(Console.Out, Console.Error)
        {
            IsColored = TerminalColor.IsWanted(isTerminal, Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM")),
            ShowsProgress = !Console.IsErrorRedirected,
            Columns = isTerminal && Console.WindowWidth > 0 ? Console.WindowWidth : 100,
        };
        return await new LabExperiments(new LabHost(), output).RunAsync(choice.Words!, interrupted.Token);
    }
}
