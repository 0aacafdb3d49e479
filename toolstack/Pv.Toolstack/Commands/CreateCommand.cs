using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl create</c>: from a file and words to a running domain.</summary>
internal static class CreateCommand
{
    /// <summary>Exit codes of libxl's errors, negated: ERROR_FAIL and ERROR_INVAL.</summary>
    private const int Fail = 3, Invalid = 6;

    public static async Task<int> RunAsync(CommandContext context)
    {
        var options = context.Words;
        var dryRun = options.Has('n') || context.Global.DryRun;
        var outcome = await ParseAsync(context, options.Has('q'), dryRun);
        if (outcome.Configuration is not { } configuration)
            return outcome.ExitCode;
        if (dryRun || options.Has('d'))
            await context.PrintAsync(DomainConfigurationJson.Render(configuration));
        return dryRun ? 0 : await CreateAsync(context, configuration);
    }

    /// <summary>The configuration that the words of a command name; what is to be said of it is said.</summary>
    public static async Task<ParseOutcome> ParseAsync(CommandContext context, bool quiet, bool dryRun = false)
    {
        var words = CreateWords.Sort(context.Words) ?? throw new WrongUseException("", 2);
        var file = words.File ?? throw new ToolstackException("Config file not specified and none in save file", Invalid);
        var text = await context.ReadConfigFileAsync(file);
        if (!quiet)
            await context.ComplainAsync($"Parsing config from {file}");
        var outcome = DomainConfigurationParser.Parse(file, text, words.Lines, context.Topology(dryRun));
        foreach (var message in outcome.Messages)
            await context.ComplainAsync(message);
        if (!dryRun && !quiet && outcome.WithoutEffect is { Count: > 0 } keys)
            await context.ComplainAsync($"warning: {file}: without effect here: {string.Join(", ", keys)}");
        return outcome;
    }

    private static async Task<int> CreateAsync(CommandContext context, DomainConfiguration configuration)
    {
        var options = context.Words;
        if (options.Has('V') || options.Has('A'))
            await context.ComplainAsync("Pv has no displays: -V and -A do nothing.");
        FollowedConsole? console = null;
        // A boot loader is talked with before there is a domain.
        var hasBootLoader = configuration.Bootloader is { Length: > 0 };
        Task showing = Task.CompletedTask;
        Task AttachAsync(DomId domain)
        {
            // Before the domain runs: one that reboots at once is followed, too.
            if (context.Toolstack.Consoles.Attach(domain, 0) is { } attached)
                console = new FollowedConsole(context.Toolstack, domain, attached);
            if (hasBootLoader && console != null)
                showing = ConsoleCommand.RunAsync(context, console);
            return Task.CompletedTask;
        }

        try
        {
            var how = new CreateOptions(
                Paused: options.Has('p'), ActOnEnd: !options.Has('e'), context.Terminal.Directory, options.Has('c') ? AttachAsync : null);
            var creating = context.Domains.CreateAsync(configuration, how, context.Terminal.Gone);
            var domain = hasBootLoader && options.Has('c') ? await creating : await context.WithProgressAsync($"Building domain {configuration.Name}", creating);
            if (context.IsJson)
            {
                var built = new JObject { ["domid"] = domain.Value, ["name"] = configuration.Name, ["uuid"] = $"{configuration.Uuid}" };
                await context.PrintAsync(built.ToString(Formatting.Indented));
            }
            if (console != null && !hasBootLoader)
                showing = ConsoleCommand.RunAsync(context, console);
            await showing;
            return options.Has('F') ? await WaitAsync(context, domain) : 0;
        }
        finally
        {
            await showing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (console != null)
                await console.DisposeAsync();
        }
    }

    private static async Task<int> WaitAsync(CommandContext context, DomId domain)
    {
        await context.ComplainAsync($"Waiting for domain {(await context.Domains.FindAsync(domain))?.Name} (domid {domain.Value}) to die");
        await context.FlushAsync();
        var interrupted = await context.Terminal.TakeSignalsAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupted, context.Terminal.Gone);
        try
        {
            await context.Domains.WaitForEndAsync(domain, end.Token);
            return 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return 128 + 2;
        }
    }
}
