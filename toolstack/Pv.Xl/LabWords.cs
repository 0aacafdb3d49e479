using System.Diagnostics;
using System.Runtime.InteropServices;
using Pv.Xl.Link;

namespace Pv.Xl;

/// <summary><c>xl lab</c>: a <c>pvd lab</c> of its own on this terminal. No daemon is asked, so that what one runs neither disturbs the figures nor is disturbed.</summary>
internal static class LabWords
{
    /// <summary>Its exit code.</summary>
    public static int Run(string[] words)
    {
        var start = new ProcessStartInfo(PvdStarter.Find()) { UseShellExecute = false };
        start.ArgumentList.Add("lab");
        foreach (var word in words)
            start.ArgumentList.Add(word);
        // The terminal tells both of an interrupt; what it means is the lab's to say.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var lab = PvdStarter.Start(start);
        lab.WaitForExit();
        return lab.ExitCode;
    }
}
