using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands;

/// <summary>What <c>xl list -l</c> prints: an array of a number and a configuration each, as the domain is now.</summary>
internal static class DomainListJson
{
    public static string Of(IToolstack toolstack, IReadOnlyList<DomainView> domains)
    {
        var pools = toolstack.Processors.ListPools().ToDictionary(pool => pool.Name, pool => pool.Scheduler);
        var all = new JArray();
        foreach (var domain in domains)
        {
            var config = toolstack.Domains.ConfigurationOf(domain.Id) is { } configuration ? Living(configuration) : Bare(domain);
            config["b_info"]!["sched_params"] = pools.TryGetValue(domain.Pool, out var scheduler) ? Parameters(toolstack.Processors, domain.Id, scheduler) : new JObject();
            all.Add(new JObject { ["domid"] = domain.Id.Value, ["config"] = config });
        }
        return YajlText.Render(all) + "\n";
    }

    /// <summary>The configuration with what libxl fills in when it builds the domain.</summary>
    private static JObject Living(DomainConfiguration configuration)
    {
        var living = configuration.Clone();
        living.MaxVcpus = configuration.EffectiveMaxVcpus;
        living.OnlineVcpus = configuration.EffectiveOnlineVcpus;
        living.MaxMemoryKiB = configuration.EffectiveMaxMemoryKiB;
        living.TargetMemoryKiB = configuration.EffectiveMemoryKiB;
        living.VideoMemoryKiB ??= 0;
        living.MsrRelaxed ??= false;
        var json = DomainConfigurationJson.Convert(living);
        // libxl writes the number that no domain has.
        json["c_info"]!["name"]!.Parent!.AddAfterSelf(new JProperty("domid", uint.MaxValue));
        foreach (var disk in json["disks"] ?? new JArray())
            ((JObject)disk)["colo_restore_enable"] = "False";
        foreach (var nic in (json["nics"] ?? new JArray()).Where(nic => nic["nictype"] is null))
            ((JObject)nic)["nictype"] = "vif";
        return json;
    }

    /// <summary>What is known of a domain that no file described.</summary>
    private static JObject Bare(DomainView domain) => new()
    {
        ["c_info"] = new JObject { ["type"] = "pv", ["name"] = domain.Name },
        ["b_info"] = new JObject
        {
            ["max_memkb"] = domain.Pages * (PageSize.Bytes / 1024),
            ["target_memkb"] = domain.Pages * (PageSize.Bytes / 1024),
            ["sched_params"] = new JObject(),
            ["type.pv"] = new JObject(),
            ["arch_arm"] = new JObject(),
            ["arch_x86"] = new JObject(),
        },
    };

    /// <summary>What the scheduler has of it now; only the kind where it has left meanwhile.</summary>
    private static JObject Parameters(IProcessors processors, DomId domain, SchedulerId scheduler)
    {
        var json = new JObject { ["sched"] = SchedulerNames.Of(scheduler) };
        try
        {
            switch (scheduler)
            {
                case SchedulerId.Credit or SchedulerId.Credit2:
                    // Credit has them at the same place.
                    var share = processors.GetParameters(domain, scheduler).Credit2;
                    (json["weight"], json["cap"]) = (share.Weight, share.Cap);
                    break;
                case SchedulerId.Rtds:
                    var time = processors.GetParameters(domain, scheduler).Rtds;
                    (json["period"], json["budget"]) = (time.Period, time.Budget);
                    break;
            }
        }
        catch (ToolstackException)
        {
            // It is in another pool by now, or gone.
        }
        return json;
    }
}
