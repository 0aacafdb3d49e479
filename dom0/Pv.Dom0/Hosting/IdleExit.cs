using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pv.Dom0.Control;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Hosting;

/// <summary>Ends a <c>pvd</c> that has had no domains and no commands for some time.</summary>
internal sealed partial class IdleExit(
    PvdOptions options, XenDomains domains, ControlServer control, IHostApplicationLifetime lifetime, ILogger<IdleExit> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.IdleExit is not { } patience)
            return;
        var idleSince = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(Look);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (domains.Count > 0 || control.Conversations > 0)
                    idleSince = TimeProvider.System.GetTimestamp();
                if (TimeProvider.System.GetElapsedTime(idleSince) < patience)
                    continue;
                LogLeaving(patience);
                lifetime.StopApplication();
                return;
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops anyway.
        }
    }

    [LoggerMessage(LogLevel.Information, "no domains for {Patience}: leaving")]
    private partial void LogLeaving(TimeSpan patience);
}
