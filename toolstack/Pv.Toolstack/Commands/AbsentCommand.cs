using Newtonsoft.Json.Linq;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>
/// Commands about devices and hardware that Pv never has: lists are empty as xl's are where there is nothing, and the rest says in one sentence why it
/// cannot be done, with the exit code that xl has for what it cannot do.
/// </summary>
internal static class AbsentCommand
{
    /// <summary>What xl ends with where its library answers ERROR_FAIL (-3) or -1 and it hands that on.</summary>
    private const int LibraryFailure = 253, NoPolicy = 255;

    private const string NoPci = "Pv has no PCI devices to pass through.";

    /// <summary>The header of each list that has one; the others print nothing where there is nothing.</summary>
    private static readonly Dictionary<string, string> Headers = new()
    {
        ["vkb-list"] = $"{"Idx",-3} {"BE",-2} {"handle",-6} {"state",-5} {"evt-ch",-6} {"ref",6} {"ID",-10} {"BE-type",-10} {"BE-path",-30}",
        ["vtpm-list"] = $"{"Idx",-3} {"BE",-2} {"Uuid",-36} {"handle",-6} {"state",-5} {"evt-ch",-6} {"ring-ref",-8} {"BE-path",-10}",
    };

    public static Task<int> RunAsync(CommandContext context) => context.Row.Name switch
    {
        "pci-assignable-list" => RefuseAsync(context, NoPci, 0),
        var list when list.EndsWith("-list", StringComparison.Ordinal) => ListAsync(context),
        "getenforce" => PrintPolicyAsync(context),
        "setenforce" => SetPolicyAsync(context),
        "loadpolicy" => RefuseAsync(context, "Pv has no security module that could take a policy.", NoPolicy),
        "devd" => RefuseAsync(context, "Pv has no driver domains: pvd itself serves the devices of its domains.", 0),
        "dt-overlay" => RefuseAsync(context, "Device trees are Arm's: Pv's machine has none.", 1),
        "psr-cmt-show" => ShowMonitoringAsync(context),
        "psr-hwinfo" => PrintMonitoringAsync(context),
        var psr when psr.StartsWith("psr-", StringComparison.Ordinal)
            => OfDomainAsync(context, 0, "Pv's processors have no caches or memory paths that can be shared out to domains.", LibraryFailure),
        "button-press" => PressAsync(context),
        "qemu-monitor-command" => OfDomainAsync(context, 0, "Paravirtualized domains have no device model to speak to.", 1),
        "vncviewer" => OfDomainAsync(context, 0, "Pv's domains have no display: xl console shows their console.", 1),
        "pci-assignable-add" when !IsPci(context.Words.Rest[0]) => RefuseAsync(context, $"{context.Row.Name}: malformed BDF \"{context.Words.Rest[0]}\"", 2),
        var pci when pci.StartsWith("pci-assignable-", StringComparison.Ordinal) => RefuseAsync(context, NoPci, 1),
        var pci when pci.StartsWith("pci-", StringComparison.Ordinal) && !IsPci(context.Words.Rest[1])
            => OfDomainAsync(context, 0, $"{pci}: malformed PCI_SPEC_STRING \"{context.Words.Rest[1]}\"", 2),
        "vkb-attach" or "vsnd-attach" or "vdispl-attach" or "vtpm-attach" => DescribeAsync(context, context.Row.Name[..context.Row.Name.IndexOf('-')]),
        var device => OfDomainAsync(
            context, 0, NoSuch(device), device is "vkb-detach" or "vdispl-detach" or "vsnd-detach" ? LibraryFailure : 1),
    };

    private static string Kind(string command) => command[..command.IndexOf('-')] switch
    {
        "pci" => "PCI devices",
        "usbctrl" or "usbdev" => "USB controllers or devices",
        "vtpm" => "TPMs",
        "vkb" => "keyboards",
        "vdispl" => "displays",
        "vsnd" => "sound cards",
        var other => other,
    };

    private static async Task<int> ListAsync(CommandContext context)
    {
        if (Headers.TryGetValue(context.Row.Name, out var header))
            await context.PrintAsync(header);
        foreach (var word in context.Words.Rest)
        {
            // Some of xl's lists go on after a domain that is none.
            if (context.Row.Name is not ("vtpm-list" or "vdispl-list" or "vsnd-list"))
                await context.FindAsync(word);
            else if (await context.TryFindAsync(word) is null)
                await context.ComplainAsync($"{word} is an invalid domain identifier");
        }
        return 0;
    }

    /// <summary>
    /// <c>vkb-attach</c> and its like: the words are judged as a configuration file with them would be; a dry run says what they mean, and nothing more
    /// can come of them.
    /// </summary>
    private static async Task<int> DescribeAsync(CommandContext context, string kind)
    {
        await context.FindAsync(context.Words.Rest[0]);
        var words = string.Join(',', context.Words.Rest.Skip(1)).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        var entry = kind == "vsnd" ? $"[\"{words}\"]" : $"\"{words}\"";
        // A TPM in a file wants its back end named, the command does not.
        if (kind == "vtpm" && !words.Contains("backend=", StringComparison.Ordinal))
            entry = $"\"backend=0{(words.Length > 0 ? "," : "")}{words}\"";
        var outcome = DomainConfigurationParser.Parse("command line", $"name=\"{kind}\"\nkernel=\"{kind}\"\n{kind}=[{entry}]\n");
        foreach (var message in outcome.Messages)
            await context.ComplainAsync(message);
        if (outcome.Configuration is not { } configuration)
            return kind is "vkb" or "vsnd" ? NoPolicy : kind == "vdispl" ? LibraryFailure : 1;
        if (kind == "vdispl" && configuration.Displays.All(display => display.Connectors.Count == 0))
            return await RefuseAsync(context, "At least one connector should be specified.", LibraryFailure);
        if (!context.Global.DryRun)
            return await RefuseAsync(context, NoSuch(context.Row.Name), 1);
        var device = (JObject)DomainConfigurationJson.Convert(configuration)[$"{kind}s"]!.Single();
        device.Remove("devid");
        await context.PrintAsync($"{kind}: {YajlText.Render(device)}");
        await context.PrintAsync("");
        return 0;
    }

    private static string NoSuch(string command) => $"Pv has no {Kind(command)} to give to a domain, nor to take from one.";

    private static bool IsPci(string word) => PciSpecificationParser.TryParse(word, new PciSpecification(), out _);

    private static Task<int> SetPolicyAsync(CommandContext context) => context.Words.Rest[0].ToLowerInvariant() is "0" or "1" or "enforcing" or "permissive"
        ? RefuseAsync(context, "Flask XSM disabled", NoPolicy)
        : throw new WrongUseException("", 2);

    private static Task<int> ShowMonitoringAsync(CommandContext context)
        => context.Words.Rest[0] is "cache-occupancy" or "total-mem-bandwidth" or "local-mem-bandwidth"
            ? OfDomainAsync(context, 1, "CMT is disabled in the system: Pv's processors do not monitor their caches.", NoPolicy)
            : throw new WrongUseException("", 2);

    private static async Task<int> PrintPolicyAsync(CommandContext context)
    {
        await context.PrintAsync("Flask XSM Disabled");
        return NoPolicy;
    }

    private static async Task<int> PrintMonitoringAsync(CommandContext context)
    {
        var words = context.Words;
        var all = !words.Has('m') && !words.Has('a') && !words.Has('b');
        if (all || words.Has('m'))
        {
            await context.PrintAsync("Cache Monitoring Technology (CMT):");
            await context.PrintAsync($"{"Enabled",-16}: 0");
        }
        return all || words.Has('a') || words.Has('b') ? LibraryFailure : 0;
    }

    private static async Task<int> PressAsync(CommandContext context)
    {
        await context.ComplainAsync("WARNING: \"button-press\" is deprecated. Please use \"trigger\"");
        var domain = await context.FindAsync(context.Words.Rest[0]);
        if (context.Words.Rest[1] is not ("power" or "sleep"))
            throw new ToolstackException($"{context.Words.Rest[1]} is an invalid button identifier");
        // As with xl, which tells of it and goes on.
        await context.ComplainAsync($"Domain {domain.Name} is paravirtualized and has no buttons: xl shutdown asks its kernel.");
        return 0;
    }

    /// <summary>Refuses once it is clear that the domain exists.</summary>
    private static async Task<int> OfDomainAsync(CommandContext context, int word, string sentence, int code)
    {
        if (context.Words.Rest.Count > word)
            await context.FindAsync(context.Words.Rest[word]);
        return await RefuseAsync(context, sentence, code);
    }

    private static async Task<int> RefuseAsync(CommandContext context, string sentence, int code)
    {
        await context.ComplainAsync(sentence);
        return code;
    }
}
