using System.Diagnostics;
using NUnit.Framework;

namespace Pv.SystemTests.Commands;

/// <summary>A host of one test's own: the built <c>xl</c>, and the <c>pvd</c> that it starts in a run directory that nobody else uses.</summary>
internal sealed class XlHost : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private XlHost(string directory)
    {
        RunDirectory = directory;
    }

    public string RunDirectory { get; }

    /// <summary>The folder with <c>Pv.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    public static string Xl => Path.Combine(Root, "artifacts", "bin", "Pv.Xl", Configuration, "xl");

    public static string Pvd => Path.Combine(Root, "artifacts", "bin", "Pv.Dom0", Configuration, "pvd");

    public static string Hello => Path.Combine(Root, "examples", "hello.cfg");

    public string Log => Read("pvd.log");

    // The tests' own folder bears the configuration's name, as the commands' do.
    private static string Configuration => Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));

    public static XlHost Start() => new(Directory.CreateTempSubdirectory("pv-run-").FullName);

    /// <summary>Runs an <c>xl</c> to its end.</summary>
    public async Task<XlResult> RunAsync(params string[] words)
    {
        using var process = Begin(Xl, words);
        process.StandardInput.Close();
        return await EndAsync(process);
    }

    /// <summary>The same, which must succeed; returns what it printed.</summary>
    public async Task<string> XlAsync(params string[] words)
    {
        var result = await RunAsync(words);
        Assert.That(result.ExitCode, Is.Zero, $"xl {string.Join(' ', words)}: {result.Errors}");
        return result.Output;
    }

    /// <summary>An <c>xl</c> whose standard streams are a terminal that the test has the other end of.</summary>
    public XlSession OnTerminal(params string[] words) => new(Begin("script", ["-qefc", string.Join(' ', words.Prepend(Xl)), "/dev/null"]));

    /// <summary>An <c>xl</c> whose standard streams are pipes.</summary>
    public XlSession OnPipes(params string[] words) => new(Begin(Xl, words));

    /// <summary>Starts a program in this host's environment.</summary>
    public Process Begin(string program, params string[] words)
    {
        var start = new ProcessStartInfo(program, words)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root,
        };
        start.Environment["PV_RUN_DIR"] = RunDirectory;
        start.Environment["PV_PVD"] = Pvd;
        start.Environment["TERM"] = "dumb";
        return Process.Start(start)!;
    }

    public static async Task<XlResult> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return new XlResult(process.ExitCode, await output, await errors);
    }

    /// <summary>The <c>pvd</c> that serves, or null.</summary>
    public Process? Daemon()
    {
        var file = Path.Combine(RunDirectory, "pvd.pid");
        try
        {
            return File.Exists(file) ? Process.GetProcessById(int.Parse(Read("pvd.pid"), System.Globalization.CultureInfo.InvariantCulture)) : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Asks <c>pvd</c> to end, as a service manager would, and waits until it has.</summary>
    public async Task StopAsync()
    {
        using var daemon = Daemon();
        if (daemon == null)
            return;
        using var kill = Process.Start("kill", $"-TERM {daemon.Id}");
        using var patience = new CancellationTokenSource(Patience);
        await daemon.WaitForExitAsync(patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(RunDirectory, recursive: true);
    }

    /// <summary>A file of the run directory. pvd may have it open.</summary>
    public string Read(string name)
    {
        using var reader = new StreamReader(new FileStream(Path.Combine(RunDirectory, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Pv.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("No folder above the tests holds Pv.sln.");
    }
}

/// <summary>What an <c>xl</c> did.</summary>
internal sealed record XlResult(int ExitCode, string Output, string Errors);
