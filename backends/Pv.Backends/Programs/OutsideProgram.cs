using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Pv.Backends.Programs;

/// <summary>A program of the host that serves this process, and does not outlive it.</summary>
/// <remarks>
/// The host itself ends it (with SIGTERM) when this process is gone, however that went: <c>setpriv</c> asks for that, and a look at the
/// parent behind it covers a process that went just before. Where there is no setpriv, a program must see by itself that nobody needs it.
/// Any thread.
/// </remarks>
public sealed class OutsideProgram : IAsyncDisposable
{
    private const int LinesKept = 8;
    private const string UnlessOrphaned = "test \"$PPID\" = \"$0\" && exec \"$@\"";
    private const string OnTerminal = "exec \"$@\" <>\"$0\" >&0 2>&1";

    // The host means the thread that started a program when it speaks of a parent's end, so one thread starts all and stays.
    private static readonly Lazy<BlockingCollection<Action>> Starter = new(() =>
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var start in work.GetConsumingEnumerable())
                start();
        }) { IsBackground = true, Name = "program starter" }.Start();
        return work;
    });

    private readonly Process _process;
    private readonly Queue<string> _said = new();
    private readonly Task _ended;

    private OutsideProgram(Process process, Action<string> report)
    {
        _process = process;
        process.StandardInput.Close();
        _ended = Task.WhenAll(FollowAsync(process.StandardOutput, report), FollowAsync(process.StandardError, report), process.WaitForExitAsync());
    }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>How it ended, once it has: its exit code, or 128 and the number of the signal that ended it.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The last of what it said on both its outputs, in one line.</summary>
    public string LastWords
    {
        get
        {
            lock (_said)
                return string.Join("; ", _said);
        }
    }

    /// <summary>Where a program is on the path of programs, or null.</summary>
    public static string? Find(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Starts a program without input.</summary>
    /// <param name="path">From <see cref="Find"/>.</param>
    /// <param name="arguments">Handed over as they are; no shell reads them.</param>
    /// <param name="report">Gets each line that it says.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static Task<OutsideProgram> StartAsync(string path, IReadOnlyList<string> arguments, Action<string> report)
        => StartAsync(new ProcessStartInfo(), [path, .. arguments], report);

    /// <summary>Starts a program whose input and outputs are a terminal: it leads a session there, so that its end ends what it left running.</summary>
    /// <param name="path">From <see cref="Find"/>, or a path.</param>
    /// <param name="arguments">Handed over as they are.</param>
    /// <param name="terminal">The terminal's path.</param>
    /// <param name="directory">Where it is started.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static Task<OutsideProgram> StartOnTerminalAsync(string path, IReadOnlyList<string> arguments, string terminal, string directory)
    {
        var start = new ProcessStartInfo { WorkingDirectory = directory };
        start.Environment["TERM"] = "vt100";
        string[] session = Find("setsid") is { } setsid ? [setsid, "--ctty"] : [];
        return StartAsync(start, ["/bin/sh", "-c", OnTerminal, terminal, .. session, path, .. arguments], static _ => { });
    }

    private static async Task<OutsideProgram> StartAsync(ProcessStartInfo start, IReadOnlyList<string> program, Action<string> report)
    {
        string[] guard = OperatingSystem.IsLinux() && Find("setpriv") is { } setpriv
            ? [setpriv, "--pdeathsig", "TERM", "/bin/sh", "-c", UnlessOrphaned, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]
            : [];
        string[] words = [.. guard, .. program];
        start.FileName = words[0];
        foreach (var word in words[1..])
            start.ArgumentList.Add(word);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starter.Value.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception failure)
            {
                started.SetException(failure);
            }
        });
        try
        {
            return new OutsideProgram(await started.Task, report);
        }
        catch (Win32Exception failure)
        {
            throw new IOException($"{program[0]} cannot be started: {failure.Message}", failure);
        }
    }

    /// <summary>Waits for its end. False: it did not come in time.</summary>
    public async Task<bool> EndAsync(TimeSpan longest)
    {
        try
        {
            await _ended.WaitAsync(longest);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Kills it if it runs still.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
        await _ended;
        _process.Dispose();
    }

    private async Task FollowAsync(StreamReader output, Action<string> report)
    {
        // A process that is disposed of leaves its pipes to the collector.
        using var end = output;
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_said)
            {
                _said.Enqueue(line);
                if (_said.Count > LinesKept)
                    _said.Dequeue();
            }
            report(line);
        }
    }
}
