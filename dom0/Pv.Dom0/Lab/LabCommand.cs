using System.Diagnostics;
using System.Runtime;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Lab;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Dom0.Lab;

/// <summary><c>pvd lab</c>: what <c>xl lab</c> starts. A process of its own, so that a running <c>pvd</c> and its domains share nothing with it but the processors.</summary>
internal static class LabCommand
{
    /// <summary>In the environment of a process that measures a part for another one: how that one's progress begins. What else it has to say that one has said.</summary>
    private const string PartVariable = "PV_LAB_PART";

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
        var part = Environment.GetEnvironmentVariable(PartVariable);
        var output = new LabOutput(Console.Out, Console.Error)
        {
            IsColored = TerminalColor.IsWanted(isTerminal, Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM")),
            ShowsProgress = !Console.IsErrorRedirected,
            IsPart = part != null,
            Prefix = part ?? "",
            Columns = isTerminal && Console.WindowWidth > 0 ? Console.WindowWidth : 100,
        };
        return await new LabExperiments(new LabHost(), output, (words, cancel) => RunPartAsync(words, output.Prefix, cancel)).RunAsync(choice.Words!, interrupted.Token);
    }

    /// <summary>Its errors and progress go where ours go; a terminal's interrupt reaches both.</summary>
    private static async Task<string> RunPartAsync(IReadOnlyList<string> words, string prefix, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["lab", .. words]) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment[PartVariable] = prefix;
        using var part = Process.Start(start)!;
        try
        {
            var text = await part.StandardOutput.ReadToEndAsync(cancel);
            await part.WaitForExitAsync(cancel);
            return part.ExitCode == 0 ? text : throw new ToolstackLabException("A process of the lab's failed, as it has said.");
        }
        finally
        {
            if (!part.HasExited)
                part.Kill();
        }
    }
}
