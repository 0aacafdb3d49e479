using System.Diagnostics;
using System.Threading.Channels;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Toolstack.Control;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Runs;

namespace Pv.Toolstack.Commands;

/// <summary>
/// <c>xl run</c>: a domain as a program. It is created, its console is shown, and the exit code tells why it ended. However the run ends, its
/// domain is gone then.
/// </summary>
internal static class RunCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words;
        var limit = Durations.Parse(words.Argument('t'));
        var script = RunScript.Of(words, expect: 'x', send: 's');
        var outcome = await CreateCommand.ParseAsync(context, words.Has('q') || context.IsJson);
        if (outcome.Configuration is not { } configuration)
            return outcome.ExitCode;
        EndWithRun(configuration);
        await using var log = words.Argument('l') is { } name ? context.CreateFile(name, "log") : null;
        await context.FlushAsync();

        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var limited = new CancellationTokenSource();
        var time = Stopwatch.StartNew();
        if (limit is { } longest)
            limited.CancelAfter(longest);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, limited.Token, context.Terminal.Gone);
        var end = await RunAsync(context, configuration, script, log, stop.Token)
            ?? (limited.IsCancellationRequested && !interrupted.IsCancellationRequested ? RunEnd.TimedOut : RunEnd.Interrupted);
        if (context.Terminal.Gone.IsCancellationRequested)
            return (int)end;
        if (context.IsJson)
            await context.PrintAsync(Result(configuration.Name, end, script, time.Elapsed).ToString(Formatting.Indented));
        else if (!words.Has('q'))
            await context.ComplainAsync(Sentence(configuration.Name, end, script, limit));
        return (int)end;
    }

    /// <summary>Null when it was stopped.</summary>
    private static async Task<RunEnd?> RunAsync(
        CommandContext context, DomainConfiguration configuration, RunScript script, Stream? log, CancellationToken stop)
    {
        using var life = new CancellationTokenSource();
        using var building = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var attached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task creating = Task.CompletedTask;
        FollowedConsole? console = null;
        var ended = Task.FromResult<ShutdownReason?>(null);
        Task AttachAsync(DomId domain)
        {
            console = new FollowedConsole(context.Toolstack, domain, context.Toolstack.Consoles.Attach(domain, 0)!);
            ended = context.Domains.WaitForEndAsync(domain, CancellationToken.None);
            attached.SetResult();
            return Task.CompletedTask;
        }

        try
        {
            var how = new CreateOptions(Paused: false, ActOnEnd: true, context.Terminal.Directory, AttachAsync, life.Token);
            creating = context.Domains.CreateAsync(configuration, how, building.Token);
            // Its boot loader may have to be talked with before it is built.
            if (await context.WithProgressAsync($"Building domain {configuration.Name}", Task.WhenAny(creating, attached.Task)) == creating)
                await creating;
            if (!await TalkAsync(context, script, console!, log, stop))
                return null;
            if (!script.IsMet)
                await creating;
            return script.IsMet ? RunEnd.Good : RunEnds.Of(await ended.WaitAsync(stop), isMissed: script.Awaited != null);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            await building.CancelAsync();
            await creating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await life.CancelAsync();
            await ended;
            if (console != null)
                await console.DisposeAsync();
        }
    }

    /// <summary>Shows and types until the console is over or the script is met; false when the user left.</summary>
    private static async Task<bool> TalkAsync(CommandContext context, RunScript script, FollowedConsole console, Stream? log, CancellationToken stop)
    {
        await using var input = context.Words.Has('i') ? await context.Terminal.OpenInputAsync(raw: true, ConsoleCommand.UsualEscape) : null;
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var showing = ShowAsync(context, script, console, log, done.Token);
        var sending = SendAsync(script.Typed, console, done.Token);
        var typing = input == null ? Task.CompletedTask : ConsoleCommand.TypeAsync(input, console, done.Token);
        await Task.WhenAny(showing, LeftAsync());
        var left = !showing.IsCompleted;
        await done.CancelAsync();
        await Task.WhenAll(showing, sending, typing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!left)
            await showing;
        if (input != null && context.Terminal.Facts.Terminals.HasFlag(StandardStreams.Input))
            await context.PrintAsync("");
        return !left;

        // The end of input that is no terminal's leaves the guest to itself.
        async Task LeftAsync()
        {
            await typing;
            if (input?.Ending != InputEnding.Escape)
                await Task.Delay(Timeout.Infinite, done.Token);
        }
    }

    private static async Task ShowAsync(CommandContext context, RunScript script, FollowedConsole console, Stream? log, CancellationToken cancel)
    {
        var chunk = new byte[8192];
        var quiet = context.Words.Has('q') || context.IsJson;
        while (!script.IsMet && await console.ReadAsync(chunk, cancel) is > 0 and var read)
        {
            script.Show(chunk.AsSpan(0, read));
            try
            {
                if (log != null)
                    await log.WriteAsync(chunk.AsMemory(0, read), cancel);
            }
            catch (IOException e)
            {
                throw new ToolstackException($"The log cannot be written: {e.Message}");
            }
            if (!quiet)
                await context.Terminal.WriteAsync(StandardStreams.Output, chunk.AsMemory(0, read)).AsTask().WaitAsync(cancel);
        }
    }

    private static async Task SendAsync(ChannelReader<byte[]> typed, FollowedConsole console, CancellationToken cancel)
    {
        await foreach (var bytes in typed.ReadAllAsync(cancel))
            await console.WriteAsync(bytes, cancel);
    }

    /// <summary>Only a reboot is followed by another domain, where the configuration says so; nothing stays behind.</summary>
    private static void EndWithRun(DomainConfiguration configuration)
    {
        configuration.OnPoweroff = Last(configuration.OnPoweroff);
        configuration.OnCrash = Last(configuration.OnCrash);
        configuration.OnWatchdog = Last(configuration.OnWatchdog);
        configuration.OnSoftReset = ShutdownAction.Destroy;
        configuration.OnReboot = configuration.OnReboot switch
        {
            ShutdownAction.RestartRename => ShutdownAction.Restart,
            ShutdownAction.Preserve => ShutdownAction.Destroy,
            var action => action,
        };

        static ShutdownAction Last(ShutdownAction action)
            => action is ShutdownAction.CoredumpDestroy or ShutdownAction.CoredumpRestart ? ShutdownAction.CoredumpDestroy : ShutdownAction.Destroy;
    }

    private static JObject Result(string name, RunEnd end, RunScript script, TimeSpan time) => new()
    {
        ["name"] = name, ["end"] = end.ToString().ToLowerInvariant(), ["exit_code"] = (int)end, ["seconds"] = Math.Round(time.TotalSeconds, 3),
        ["shown"] = script.Shown, ["missing"] = script.Awaited ?? "",
    };

    private static string Sentence(string name, RunEnd end, RunScript script, TimeSpan? limit)
    {
        if (script.IsMet)
            return $"Domain {name} has shown all that was expected.";
        var missing = script.Awaited is { } text ? $" without having shown \"{text}\"" : "";
        return end == RunEnd.TimedOut
            ? $"Domain {name}: {limit!.Value.TotalSeconds:0.###} s are over{missing}; it was destroyed."
            : $"Domain {name} {RunEnds.Tell(end)}{missing}.";
    }
}
