using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.CommandLine;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl config-update</c>: what the next restart of a domain builds from. The domain that runs stays as it is.</summary>
internal static class ConfigUpdateCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        await context.ComplainAsync("WARNING: xl now has better capability to manage domain configuration, avoid using this command when possible");
        var domain = await context.FindAsync(context.Words.Rest[0]);
        var words = CreateWords.Sort(context.Words, 1) ?? throw new WrongUseException("", 2);
        var file = words.File ?? throw new ToolstackException("Config file not specified");
        var text = await context.ReadConfigFileAsync(file, exitCode: 1);
        var outcome = DomainConfigurationParser.Parse(file, text, words.Lines, context.Topology());
        foreach (var message in outcome.Messages)
            await context.ComplainAsync(message);
        if (outcome.Configuration is not { } configuration)
            return outcome.ExitCode;
        if (context.Global.DryRun || context.Words.Has('d'))
            await context.PrintAsync(DomainConfigurationJson.Render(configuration));
        if (context.Global.DryRun)
            return 0;
        await context.ComplainAsync($"setting dom{domain.Id.Value} configuration");
        context.Domains.ReplaceConfiguration(domain.Id, configuration);
        return 0;
    }
}
