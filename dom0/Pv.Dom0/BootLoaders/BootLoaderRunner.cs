using Pv.Abi;
using Pv.Backends.Programs;
using Pv.Dom0.Consoles;
using Pv.Toolstack.BootLoaders;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.BootLoaders;

/// <summary>Runs boot loaders on terminals that are their domains' consoles, in libxl's protocol. Any thread.</summary>
/// <param name="openConsole">Gives the console of a domain that has no ring yet.</param>
/// <param name="folderOf">The folder of a domain's files, which exists once its console does.</param>
/// <param name="log">A line for <c>pvd</c>'s log.</param>
internal sealed class BootLoaderRunner(Func<DomId, DomainConsole> openConsole, Func<DomId, string> folderOf, Action<string> log) : IBootLoaders
{
    /// <summary>libxl's ERROR_FAIL, negated.</summary>
    private const int Failed = 3;

    private const int LongestOutput = 1 << 20;

    /// <summary>How sh(1) says that it could not run a program.</summary>
    private const int CannotRun = 126;

    public void Prepare(DomId domain) => openConsole(domain);

    public async Task<IBootChoice> RunAsync(DomId domain, BootLoaderCall call, CancellationToken cancel)
    {
        var program = BootLoaderPrograms.Find(call.Program, call.Directory) ?? throw Refusal(call, call.Program.Contains('/')
            ? "there is no such file"
            : "there is no such program among Xen's own (/usr/lib/xen*/bin) or on the PATH of pvd (pygrub comes with Debian's xen-utils)");
        var console = openConsole(domain);
        var choice = new Choice(folderOf(domain));
        try
        {
            log($"domain {domain.Value} ({call.Domain}): its boot loader {program} runs");
            await RunAsync(program, call, choice, console, cancel);
            var output = new FileInfo(choice.Output);
            if (!output.Exists || output.Length > LongestOutput)
                throw Refusal(call, $"what it says of its choice has {(output.Exists ? $"{output.Length} bytes" : "vanished")}");
            choice.Result = BootLoaderResult.Parse(await File.ReadAllBytesAsync(choice.Output, cancel));
            log($"domain {domain.Value} ({call.Domain}): its boot loader chose kernel {choice.Result.Kernel}, ramdisk {choice.Result.Ramdisk ?? "none"}, args '{choice.Result.CommandLine}'");
            return choice;
        }
        catch (Exception failure)
        {
            choice.Dispose();
            throw failure is IOException or UnauthorizedAccessException ? Refusal(call, failure.Message.TrimEnd('.')) : failure;
        }
    }

    private static async Task RunAsync(string path, BootLoaderCall call, Choice choice, DomainConsole console, CancellationToken cancel)
    {
        await using var terminal = new BootTerminal(console);
        await using var program = await OutsideProgram.StartOnTerminalAsync(path, call.Words(choice.Output, choice.Folder), terminal.Path, call.Directory);
        await program.EndAsync(Timeout.InfiniteTimeSpan).WaitAsync(cancel);
        await terminal.DisposeAsync();
        if (program.ExitCode == 0)
            return;
        var line = terminal.LastLine;
        throw Refusal(call, program.ExitCode == CannotRun ? $"it cannot be run: {line[(line.LastIndexOf(": ", StringComparison.Ordinal) + 1)..].Trim()}"
            : $"it ended with exit code {program.ExitCode}{(line.Length > 0 ? ": " : "")}{line}");
    }

    private static ToolstackException Refusal(BootLoaderCall call, string reason) => new($"Domain {call.Domain}: bootloader={call.Program} failed: {reason.TrimEnd('.')}.", Failed);

    /// <summary>The file where a boot loader says what it chose, and the folder for what it takes from the disk. Both go when this is disposed of.</summary>
    private sealed class Choice : IBootChoice
    {
        public Choice(string folder)
        {
            Folder = Path.Combine(folder, "bootloader.d");
            Output = Path.Combine(folder, "bootloader.out");
            Directory.CreateDirectory(Folder);
            File.WriteAllBytes(Output, []);
        }

        public string Folder { get; }

        public string Output { get; }

        public BootLoaderResult Result { get; set; } = new(null, null, null);

        public void Dispose()
        {
            if (Directory.Exists(Folder))
                Directory.Delete(Folder, recursive: true);
            File.Delete(Output);
        }
    }
}
