using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using NUnit.Framework;
using Pv.SystemTests.Packages;
using Pv.Tests;

namespace Pv.SystemTests.Hosts;

/// <summary>
/// A host of a test's own: the built <c>pvd</c> in a run directory of its own, and the built <c>xl</c> on it. Nothing of it is left when it is disposed;
/// a test that fails shows its log.
/// </summary>
internal sealed class PvHost : IAsyncDisposable
{
    private const int Terminate = 15;

    private Session? _daemon;

    private PvHost(string folder)
    {
        Folder = folder;
    }

    /// <summary>The run directory.</summary>
    public string Folder { get; }

    /// <summary>Where <c>xl</c> and <c>pvd</c> look for other programs, if not where the test does.</summary>
    public string? SearchPath { get; set; }

    /// <summary>The words of a program that becomes <c>pvd</c>, whose words follow; none is usual.</summary>
    public IReadOnlyList<string> Launcher { get; set; } = [];

    /// <summary>More of the environment of <c>xl</c> and <c>pvd</c>.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>The daemon that the test started.</summary>
    public Session Daemon => _daemon!;

    /// <summary>An empty run directory without a daemon; <c>xl</c> would start one.</summary>
    // Short, and in the temporary folder: the path of a socket has 104 bytes at most.
    public static PvHost Prepare() => new(Directory.CreateTempSubdirectory("pv-").FullName);

    /// <summary>A running host.</summary>
    /// <param name="memory">Machine memory in MiB.</param>
    /// <param name="cpus">Threads that run guests.</param>
    public static async Task<PvHost> StartAsync(int memory = 512, int cpus = 2)
    {
        var host = Prepare();
        try
        {
            await host.StartDaemonAsync($"--memory={memory}", $"--cpus={cpus}");
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts <c>pvd</c> and waits until it answers.</summary>
    public async Task StartDaemonAsync(params string[] options)
    {
        _daemon = RunDaemon(options);
        await _daemon.ExpectAsync("ready");
    }

    /// <summary>Starts <c>pvd xenstored</c>, which is the store alone, and waits until it serves.</summary>
    public async Task StartStoreAsync(params string[] options)
    {
        _daemon = Session.Start(Command(Built("Pv.Dom0", "pvd"), ["xenstored", .. options]));
        await _daemon.ExpectAsync("ready");
    }

    /// <summary>Starts one more <c>pvd</c> on this run directory, and does not wait for it.</summary>
    // As xl starts it, since it says then when it is ready; and it ends by itself if a test run is killed.
    public Session RunDaemon(params string[] options)
    {
        string[] words = [.. Launcher, Built("Pv.Dom0", "pvd"), "--started-by-xl", "--foreground", .. options];
        return Session.Start(Command(words[0], words[1..]));
    }

    /// <summary>Runs <c>xl</c> to its end.</summary>
    public Task<Command> XlAsync(params string[] words)
    {
        var start = Command(Built("Pv.Xl", "xl"), words);
        return Task.Run(() => Packages.Command.Run(start));
    }

    /// <summary>Runs <c>xl</c>, which is to succeed, and returns what it printed.</summary>
    public async Task<string> XlOutputAsync(params string[] words)
    {
        var done = await XlAsync(words);
        Assert.That(done.ExitCode, Is.Zero, $"xl {string.Join(' ', words)}: {done.Output}{done.Errors}");
        return done.Output;
    }

    /// <summary>An <c>xl</c> to talk with.</summary>
    public Session OpenXl(params string[] words) => Session.Start(Command(Built("Pv.Xl", "xl"), words));

    /// <summary>An <c>xl</c> at a terminal of its own.</summary>
    public Session OpenXlAtTerminal(params string[] words) => Session.StartAtTerminal(Command(Built("Pv.Xl", "xl"), words));

    /// <summary>An <c>xl</c> whose output nobody reads.</summary>
    public Session OpenXlUnread(params string[] words) => Session.StartUnread(Command(Built("Pv.Xl", "xl"), words));

    /// <summary>A script of sh(1), whose first word is the path of <c>xl</c>.</summary>
    public Session OpenShell(string script) => Session.Start(Shell(script));

    /// <summary>The same at a terminal of its own.</summary>
    public Session OpenShellAtTerminal(string script) => Session.StartAtTerminal(Shell(script));

    /// <summary>Free memory of the machine, in MiB.</summary>
    public async Task<long> FreeMemoryAsync() => long.Parse(await XlOutputAsync("info", "free_memory"), CultureInfo.InvariantCulture);

    /// <summary>The lines of <c>xl list</c>.</summary>
    public async Task<IReadOnlyList<ListedDomain>> ListAsync() => ListedDomain.Parse(await XlOutputAsync("list"));

    /// <summary>One line of <c>xl list</c>.</summary>
    public async Task<ListedDomain> FindAsync(string name) => (await ListAsync()).Single(domain => domain.Name == name);

    /// <summary>Looks again and again until something holds.</summary>
    /// <param name="holds">Looks.</param>
    /// <param name="otherwise">What a failure says.</param>
    public static async Task UntilAsync(Func<Task<bool>> holds, Func<string>? otherwise = null)
    {
        using var patience = new CancellationTokenSource(Session.Patience);
        while (!await holds())
        {
            Assert.That(patience.IsCancellationRequested, Is.False, otherwise?.Invoke() ?? "It did not come about.");
            // What is waited for needs the processor more.
            await Task.Delay(10);
        }
    }

    /// <summary>Waits until a domain of that name is listed of which something holds. Returns its line.</summary>
    public async Task<ListedDomain> UntilAsync(string name, Func<ListedDomain, bool> holds)
    {
        ListedDomain? found = null;
        await UntilAsync(async () => (found = (await ListAsync()).FirstOrDefault(domain => domain.Name == name)) != null && holds(found));
        return found!;
    }

    /// <summary>A file of the run directory, which pvd may have open.</summary>
    public string Read(string file)
    {
        using var reader = new StreamReader(new FileStream(Path.Combine(Folder, file), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }

    /// <summary>The C# guests of the samples.</summary>
    public static string Samples => Built("Pv.SampleGuests", "Pv.SampleGuests.dll");

    /// <summary>Writes a configuration of a C# guest of the samples. Returns its path.</summary>
    public string WriteSample(string name, string guest = "Shell", string more = "")
        => WriteConfiguration(name, $"name=\"{name}\"\nkernel=\"{Samples}\"\nextra=\"guest={guest}\"\nmemory=4\n{more}\n");

    /// <summary>Writes a configuration file. Returns its path.</summary>
    public string WriteConfiguration(string name, string content)
    {
        var path = Path.Combine(Folder, name + ".cfg");
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Writes a script. Returns its path.</summary>
    public string WriteProgram(string name, string content)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, content);
        Packages.Command.Run("chmod", ["+x", path], Folder);
        return path;
    }

    /// <summary>Ends the <c>pvd</c> that the test started as a service manager does. Returns its exit code.</summary>
    public Task<int> StopAsync()
    {
        SendTerminate(Daemon.ProcessId);
        return Daemon.ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is { HasExited: false })
        {
            try
            {
                await StopAsync();
            }
            catch (InvalidOperationException failure)
            {
                await TestContext.Error.WriteLineAsync(failure.Message);
            }
        }
        if (_daemon != null)
        {
            await _daemon.DisposeAsync();
            if (TestContext.CurrentContext.Result.FailCount > 0)
                await TestContext.Error.WriteLineAsync($"pvd said:\n{_daemon.Shown}");
        }
        else
        {
            await EndStartedByXlAsync();
        }
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A built file of another project, beside this one's.</summary>
    public static string Built(string project, string file)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, file);
    }

    public static void SendTerminate(int process) => Packages.Command.Run("kill", [$"-{Terminate}", $"{process}"], Path.GetTempPath());

    /// <summary>Ends the <c>pvd</c> that <c>xl</c> started, if one runs.</summary>
    public async Task EndStartedByXlAsync()
    {
        var told = Path.Combine(Folder, "pvd.pid");
        if (!File.Exists(told))
            return;
        var number = int.Parse(await File.ReadAllTextAsync(told), CultureInfo.InvariantCulture);
        using var daemon = Process.GetProcessesByName("pvd").FirstOrDefault(found => found.Id == number);
        if (daemon == null)
            return;
        SendTerminate(number);
        await daemon.WaitForExitAsync();
    }

    private ProcessStartInfo Shell(string script) => Command("/bin/sh", ["-c", script, "sh", Built("Pv.Xl", "xl")]);

    private ProcessStartInfo Command(string program, IEnumerable<string> words)
    {
        var start = new ProcessStartInfo(program, words) { WorkingDirectory = Repository.Root };
        start.Environment["PV_RUN_DIR"] = Folder;
        if (SearchPath is { } path)
            start.Environment["PATH"] = path;
        foreach (var (name, value) in Variables)
            start.Environment[name] = value;
        // An SDK unpacked into a folder of a user's own is found by nobody else.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        return start;
    }
}
