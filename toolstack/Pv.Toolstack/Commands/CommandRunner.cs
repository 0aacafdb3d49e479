using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Commands.Json;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>Finds the command that words name, and runs it to its exit code.</summary>
public sealed class CommandRunner(IToolstack toolstack)
{
    private static readonly Dictionary<string, Func<CommandContext, Task<int>>> Bodies = new()
    {
        ["block-attach"] = BlockCommands.AttachAsync,
        ["block-detach"] = BlockCommands.DetachAsync,
        ["block-list"] = BlockCommands.ListAsync,
        ["cd-eject"] = DriveCommands.EjectAsync,
        ["cd-insert"] = DriveCommands.InsertAsync,
        ["channel-list"] = ChannelCommands.ListAsync,
        ["claims"] = MemoryListCommands.ListClaimsAsync,
        ["config-update"] = ConfigUpdateCommand.RunAsync,
        ["console"] = ConsoleCommand.RunAsync,
        ["create"] = CreateCommand.RunAsync,
        ["cpupool-cpu-add"] = CpuPoolCommands.AddCpuAsync,
        ["cpupool-cpu-remove"] = CpuPoolCommands.RemoveCpuAsync,
        ["cpupool-create"] = CpuPoolCommands.CreateAsync,
        ["cpupool-destroy"] = CpuPoolCommands.DestroyAsync,
        ["cpupool-list"] = CpuPoolCommands.ListAsync,
        ["cpupool-migrate"] = CpuPoolCommands.MigrateAsync,
        ["cpupool-numa-split"] = CpuPoolCommands.SplitAsync,
        ["cpupool-rename"] = CpuPoolCommands.RenameAsync,
        ["debug-keys"] = HypervisorCommands.PressKeysAsync,
        ["destroy"] = DestroyCommand.RunAsync,
        ["dmesg"] = DmesgCommand.RunAsync,
        ["domid"] = DomidCommand.RunAsync,
        ["domname"] = DomnameCommand.RunAsync,
        ["dump-core"] = DumpCoreCommand.RunAsync,
        ["events"] = EventsCommand.RunAsync,
        ["info"] = InfoCommand.RunAsync,
        ["list"] = ListCommand.RunAsync,
        ["logs"] = LogsCommand.RunAsync,
        ["mem-max"] = MemoryCommands.SetMaximumAsync,
        ["mem-set"] = MemoryCommands.SetTargetAsync,
        ["metrics"] = MetricsCommand.RunAsync,
        ["network-attach"] = NetworkCommands.AttachAsync,
        ["pause"] = PauseCommand.RunAsync,
        ["reboot"] = ShutdownCommand.RunRebootAsync,
        ["rename"] = RenameCommand.RunAsync,
        ["resume"] = SuspensionCommands.ResumeAsync,
        ["run"] = RunCommand.RunAsync,
        ["sched-credit"] = ShareCommands.RunCreditAsync,
        ["sched-credit2"] = ShareCommands.RunCredit2Async,
        ["sched-rtds"] = RealTimeCommand.RunAsync,
        ["seeds"] = SeedsCommand.RunAsync,
        ["set-parameters"] = HypervisorCommands.SetParametersAsync,
        ["sharing"] = MemoryListCommands.ListSharedAsync,
        ["shutdown"] = ShutdownCommand.RunAsync,
        ["suspend"] = SuspensionCommands.SuspendAsync,
        ["sysrq"] = SysRqCommand.RunAsync,
        ["top"] = TopCommand.RunAsync,
        ["trace"] = TraceCommand.RunAsync,
        ["trigger"] = TriggerCommand.RunAsync,
        ["unpause"] = UnpauseCommand.RunAsync,
        ["uptime"] = UptimeCommand.RunAsync,
        ["vcpu-list"] = VcpuListCommand.RunAsync,
        ["vcpu-pin"] = VcpuPinCommand.RunAsync,
        ["vcpu-set"] = VcpuSetCommand.RunAsync,
        ["version"] = VersionCommand.RunAsync,
        ["vm-list"] = VmListCommand.RunAsync,
        ["wait"] = WaitCommand.RunAsync,
        ["xenstore-quota-get"] = StoreQuotaCommands.GetAsync,
        ["xenstore-quota-set"] = StoreQuotaCommands.SetAsync,
    };

    /// <summary>The commands that have a body here: those that the table calls built.</summary>
    public static IEnumerable<string> Built => Bodies.Keys;

    /// <summary>Runs one command. Every failure that it can tell of ends in a sentence on error output and an exit code.</summary>
    /// <exception cref="OperationCanceledException">Nobody waits for the answer any more.</exception>
    public async Task<int> RunAsync(CommandRequest request, ICommandTerminal terminal)
    {
        var answer = CommandChoice.Of(request.Words);
        if (answer.Row is not { } row || answer.Words is not { } words)
        {
            await SendAsync(terminal, StandardStreams.Output, answer.Output);
            await SendAsync(terminal, StandardStreams.Error, answer.ErrorOutput);
            return answer.ExitCode;
        }
        var context = new CommandContext(toolstack, answer.Global!, row, words, terminal);
        await using var log = VerboseLog.Begin(toolstack.Log, context.Global, terminal);
        try
        {
            if (row.IsAbsent)
                return await AbsentCommand.RunAsync(context);
            if (JsonBodies.Find(context) is { } json)
                return await json(context);
            return Bodies.TryGetValue(row.Name, out var body) ? await body(context) : throw new ToolstackException($"xl {row.Name} is done by xl itself.");
        }
        catch (ToolstackException e)
        {
            await context.ComplainAsync(e.Message);
            return e.ExitCode;
        }
        catch (WrongUseException e)
        {
            await context.PrintAsync(CommandHelp.Of(row).TrimEnd());
            if (e.Message.Length > 0)
                await context.ComplainAsync(e.Message);
            return e.ExitCode;
        }
        finally
        {
            if (!terminal.Gone.IsCancellationRequested)
                await context.FlushAsync();
        }
    }

    private static async ValueTask SendAsync(ICommandTerminal terminal, StandardStreams stream, string text)
    {
        if (text.Length > 0)
            await terminal.WriteAsync(stream, System.Text.Encoding.UTF8.GetBytes(text));
    }
}

/// <summary>The words do not make sense for this command: its help is printed.</summary>
public sealed class WrongUseException(string message, int exitCode) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
