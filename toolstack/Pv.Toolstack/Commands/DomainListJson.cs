using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.Domains;

namespace Pv.Toolstack.Commands;

/// <summary>What <c>xl list -l</c> prints: an array of a number and a configuration each.</summary>
internal static class DomainListJson
{
    public static string Of(IReadOnlyList<DomainView> domains, Func<DomId, DomainConfiguration?> configurationOf)
    {
        var all = new JArray();
        foreach (var domain in domains)
        {
            all.Add(new JObject
            {
                ["domid"] = domain.Id.Value,
                ["config"] = configurationOf(domain.Id) is { } configuration ? DomainConfigurationJson.Convert(configuration) : Bare(domain),
            });
        }
        return YajlText.Render(all) + "\n";
    }

    /// <summary>What is known of a domain that no file described.</summary>
    private static JObject Bare(DomainView domain) => new()
    {
        ["c_info"] = new JObject { ["type"] = "pv", ["name"] = domain.Name },
        ["b_info"] = new JObject
        {
            ["max_memkb"] = domain.Pages * (PageSize.Bytes / 1024),
            ["target_memkb"] = domain.Pages * (PageSize.Bytes / 1024),
            ["type.pv"] = new JObject(),
            ["arch_arm"] = new JObject(),
            ["arch_x86"] = new JObject(),
        },
    };
}
