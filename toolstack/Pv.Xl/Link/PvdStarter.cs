using System.Diagnostics;
using System.Runtime.InteropServices;
using Pv.Toolstack.Control;

namespace Pv.Xl.Link;

/// <summary>Starts <c>pvd</c> for a user who has none running, and waits until it serves its socket.</summary>
internal static class PvdStarter
{
    private const int LogLinesShown = 12;

    /// <summary>What <c>pvd</c> writes on its standard output once its socket is there.</summary>
    private const string ReadyWord = "ready";

    /// <summary>Connects to the <c>pvd</c> of a run directory, starting it when there is none.</summary>
    /// <exception cref="PvdNotRunningException">It could not be started.</exception>
    public static ControlLink Connect(RunDirectory directory)
        => ControlLink.TryConnect(directory.ControlSocket) ?? StartAlone(directory);

    private static ControlLink StartAlone(RunDirectory directory)
    {
        if (Environment.GetEnvironmentVariable("PV_START") == "no")
            throw new PvdNotRunningException($"No pvd serves {directory.Path}, and PV_START=no says not to start one.");
        // Two xl at once: the second waits here, and then finds what the first has started.
        using var turn = WaitForTurn(directory.StartLock);
        if (ControlLink.TryConnect(directory.ControlSocket) is { } link)
            return link;
        Start(directory);
        return ControlLink.TryConnect(directory.ControlSocket)
               ?? throw Failure(directory, "pvd says that it is ready, but does not answer.");
    }

    private static FileStream WaitForTurn(string path)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (patience.Elapsed < TimeSpan.FromMinutes(2))
            {
                Thread.Sleep(20);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new PvdNotRunningException($"Another xl has been starting pvd for a long time ({path}): {e.Message}");
            }
        }
    }

    private static void Start(RunDirectory directory)
    {
        var start = new ProcessStartInfo(Find())
        {
            // Its own streams, so that it keeps no pipe or terminal of ours open.
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            WorkingDirectory = directory.Path,
        };
        start.ArgumentList.Add("--started-by-xl");
        start.ArgumentList.Add("--run-dir");
        start.ArgumentList.Add(directory.Path);
        var pvd = Start(start);
        pvd.StandardInput.Close();
        using var progress = new StartProgress();
        // Everything it says before the word is a complaint; the stream ends when it has exited instead.
        var said = new List<string>();
        while (pvd.StandardOutput.ReadLine() is { } line)
        {
            if (line == ReadyWord)
                return;
            said.Add(line);
        }
        said.AddRange(pvd.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        pvd.WaitForExit();
        throw Failure(directory, $"pvd ended with code {pvd.ExitCode} instead of starting.", said);
    }

    /// <summary>Starts <c>pvd</c> with the runtime that runs this program.</summary>
    /// <exception cref="PvdNotRunningException">It cannot be started.</exception>
    public static Process Start(ProcessStartInfo start)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("DOTNET_ROOT")))
            start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        try
        {
            return Process.Start(start)!;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            throw new PvdNotRunningException($"{start.FileName} cannot be started: {e.Message}");
        }
    }

    /// <summary>Where <c>pvd</c> is: <c>$PV_PVD</c>, beside <c>xl</c> as both were built or installed, or on the path.</summary>
    public static string Find()
    {
        var chosen = Environment.GetEnvironmentVariable("PV_PVD");
        if (!string.IsNullOrEmpty(chosen))
            return chosen;
        var home = AppContext.BaseDirectory.TrimEnd('/');
        var configuration = Path.GetFileName(home);
        foreach (var place in (string[])[Path.Combine(home, "..", "..", "Pv.Dom0", configuration, "pvd"), Path.Combine(home, "pvd")])
        {
            if (File.Exists(place))
                return Path.GetFullPath(place);
        }
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var place = Path.Combine(folder, "pvd");
            if (File.Exists(place))
                return place;
        }
        throw new PvdNotRunningException("No pvd is running, and none was found to start: not beside xl, not on PATH. Set PV_PVD to it.");
    }

    private static PvdNotRunningException Failure(RunDirectory directory, string sentence, List<string>? said = null)
    {
        var lines = said ?? [];
        try
        {
            if (lines.Count == 0)
                lines.AddRange(File.ReadLines(directory.Log).TakeLast(LogLinesShown));
        }
        catch (IOException)
        {
            // No log was written: the sentence stands alone.
        }
        return new PvdNotRunningException(string.Join('\n', lines.TakeLast(LogLinesShown).Select(line => "  " + line).Prepend($"{sentence} Its log: {directory.Log}")));
    }
}

/// <summary>There is no <c>pvd</c> to talk to; the message says why.</summary>
internal sealed class PvdNotRunningException(string message) : Exception(message);
