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

    /// <summary>The header of each list that has one; the others print nothing where there is nothing.</summary>
    private static readonly Dictionary<string, string> Headers = new()
    {
        ["channel-list"] = $"{"Idx",-3} {"BE",-2} {"state",-5} {"evt-ch",-6} {"ring-ref",-8} {"connection",-40}",
        ["vkb-list"] = $"{"Idx",-3} {"BE",-2} {"handle",-6} {"state",-5} {"evt-ch",-6} {"ref",6} {"ID",-10} {"BE-type",-10} {"BE-path",-30}",
        ["vtpm-list"] = $"{"Idx",-3} {"BE",-2} {"Uuid",-36} {"handle",-6} {"state",-5} {"evt-ch",-6} {"ring-ref",-8} {"BE-path",-10}",
    };

    public static Task<int> RunAsync(CommandContext context) => context.Row.Name switch
    {
        "pci-assignable-list" => RefuseAsync(context, "Pv has no PCI devices to pass through.", 0),
        var list when list.EndsWith("-list", StringComparison.Ordinal) => ListAsync(context),
        "getenforce" or "setenforce" => PrintPolicyAsync(context),
        "loadpolicy" => RefuseAsync(context, "Pv has no security module that could take a policy.", NoPolicy),
        "devd" => RefuseAsync(context, "Pv has no driver domains: pvd itself serves the devices of its domains.", 1),
        "dt-overlay" => RefuseAsync(context, "Device trees are Arm's: Pv's machine has none.", 1),
        "psr-cmt-show" => OfDomainAsync(context, 1, "Pv's processors do not monitor their caches.", NoPolicy),
        "psr-hwinfo" => PrintMonitoringAsync(context),
        var psr when psr.StartsWith("psr-", StringComparison.Ordinal)
            => OfDomainAsync(context, 0, "Pv's processors have no caches or memory paths that can be shared out to domains.", LibraryFailure),
        "button-press" => PressAsync(context),
        "qemu-monitor-command" => OfDomainAsync(context, 0, "Paravirtualized domains have no device model to speak to.", 1),
        "vncviewer" => OfDomainAsync(context, 0, "Pv's domains have no display: xl console shows their console.", 1),
        var pci when pci.StartsWith("pci-assignable-", StringComparison.Ordinal) => RefuseAsync(context, "Pv has no PCI devices to pass through.", 1),
        var device => OfDomainAsync(context, 0, $"Pv has no {Kind(device)} to give to a domain, nor to take from one.", 1),
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
            await context.FindAsync(word);
        return 0;
    }

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
