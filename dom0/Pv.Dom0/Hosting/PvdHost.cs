using System.Runtime;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pv.Dom0.Control;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;

namespace Pv.Dom0.Hosting;

/// <summary>The composition root: which services a <c>pvd</c> is made of, and in which order they start.</summary>
public static partial class PvdHost
{
    /// <summary>Runs until it is told to stop. Returns the exit code.</summary>
    public static async Task<int> RunAsync(PvdOptions options)
    {
        RunDirectory directory;
        try
        {
            directory = RunDirectory.Open(options.RunDirectory);
        }
        catch (RunDirectoryException e)
        {
            return Refuse(e.Message);
        }
        using var only = await ServerLock.TakeAsync(directory);
        if (only == null)
            return Refuse($"Another pvd serves {directory.Path}.");
        if (options.StartedByXl)
            UnixHost.LeaveSession();
        // Collections may wait for a quiet moment; guests should not wait for collections.
        GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        try
        {
            using var host = Build(options, directory);
            var crashes = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("pvd");
            AppDomain.CurrentDomain.UnhandledException += (_, failure) => LogCrash(crashes, failure.ExceptionObject as Exception);
            await host.StartAsync();
            if (options.StartedByXl)
                await TellReadyAsync();
            ServiceNotice.Ready();
            host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(ServiceNotice.Stopping);
            await host.WaitForShutdownAsync();
            return 0;
        }
        catch (Exception e) when (e is OutOfMemoryException or IOException or UnauthorizedAccessException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            return Refuse($"pvd cannot start: {e.Message}");
        }
    }

    private static IHost Build(PvdOptions options, RunDirectory directory)
    {
        // Empty: pvd reads no settings files, and the folder where it was started is nothing to it.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = directory.Path });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Logging.AddProvider(new LogFile(directory.Log, options.Foreground)).AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(directory);
        builder.Services.AddSingleton<XenMachine>();
        builder.Services.AddSingleton<IToolstack>(services => services.GetRequiredService<XenMachine>());
        builder.Services.AddSingleton(services => services.GetRequiredService<XenMachine>().Lives);
        builder.Services.AddSingleton<CommandService>();
        builder.Services.AddSingleton<CommandHandler>(services => services.GetRequiredService<CommandService>().RunAsync);
        builder.Services.AddSingleton<ControlServer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<XenMachine>());
        builder.Services.AddHostedService(services => services.GetRequiredService<ControlServer>());
        builder.Services.AddHostedService<IdleExit>();
        return builder.Build();
    }

    /// <summary>The word that the <c>xl</c> which started this process waits for. After it, nobody listens on the standard streams.</summary>
    private static async Task TellReadyAsync()
    {
        await Console.Out.WriteLineAsync("ready");
        await Console.Out.FlushAsync();
    }

    [LoggerMessage(LogLevel.Critical, "pvd ends, and its domains with it")]
    private static partial void LogCrash(ILogger log, Exception? reason);

    private static int Refuse(string sentence)
    {
        Console.Error.WriteLine(sentence);
        return 1;
    }
}
