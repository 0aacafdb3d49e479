using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary><c>xl trigger</c>: raises something that hardware would. A paravirtualized domain knows <c>nmi</c> alone.</summary>
internal static class TriggerCommand
{
    public static async Task<int> RunAsync(CommandContext context)
    {
        var words = context.Words.Rest;
        var domain = await context.FindAsync(words[0]);
        var trigger = words[1] switch
        {
            "nmi" => DomainTrigger.Nmi,
            "reset" => DomainTrigger.Reset,
            "init" => DomainTrigger.Init,
            "power" => DomainTrigger.Power,
            "sleep" => DomainTrigger.Sleep,
            "s3resume" => (DomainTrigger?)null,
            var other => throw new ToolstackException($"Invalid trigger \"{other}\""),
        };
        var vcpu = 0u;
        if (words.Count > 2 && !uint.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out vcpu))
            await context.ComplainAsync("Invalid vcpuid, using default vcpuid=0.\n");
        try
        {
            await context.Domains.TriggerAsync(
                domain.Id, trigger ?? throw new ToolstackException($"Domain {domain.Name} is of a kind that cannot take the trigger s3resume."), new VcpuId(vcpu));
        }
        catch (ToolstackException failure)
        {
            // As with xl, which tells of it and ends well.
            await context.ComplainAsync(failure.Message);
        }
        return 0;
    }
}
