using System.Diagnostics;

namespace Pv.SystemTests.Packages;

/// <summary>What a command of the host did.</summary>
public sealed record Command(int ExitCode, string Output, string Errors)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(9);

    /// <summary>Runs a command to its end.</summary>
    /// <exception cref="TimeoutException">It did not end within nine minutes; it was killed.</exception>
    public static Command Run(string name, IEnumerable<string> arguments, string folder)
        => Run(new ProcessStartInfo(name, arguments) { WorkingDirectory = folder });

    /// <summary>The same, of a command with settings of its own. It has no input.</summary>
    /// <exception cref="TimeoutException">It did not end within nine minutes; it was killed.</exception>
    public static Command Run(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{start.FileName} did not end.");
        }

        return new Command(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }
}
