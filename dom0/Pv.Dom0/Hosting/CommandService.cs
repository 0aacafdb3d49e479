using Microsoft.Extensions.Logging;
using Pv.Toolstack.Commands;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Hosting;

/// <summary>Runs commands for the control socket. What a command did not foresee costs that command alone, and is told on both sides.</summary>
internal sealed partial class CommandService(IToolstack toolstack, ILogger<CommandService> log)
{
    private readonly CommandRunner _runner = new(toolstack);

    public async Task<int> RunAsync(CommandRequest request, ICommandTerminal terminal)
    {
        try
        {
            return await _runner.RunAsync(request, terminal);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(string.Join(' ', request.Words), e);
            var sentence = $"xl: the command failed inside pvd: {e.Message} (pvd.log has more)\n";
            await terminal.WriteAsync(StandardStreams.Error, System.Text.Encoding.UTF8.GetBytes(sentence));
            return 1;
        }
    }

    [LoggerMessage(LogLevel.Error, "xl {Words} failed")]
    private partial void LogFailed(string words, Exception reason);
}
