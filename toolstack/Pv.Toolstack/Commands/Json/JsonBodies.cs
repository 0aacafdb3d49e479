using System.Globalization;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Processors;

namespace Pv.Toolstack.Commands.Json;

/// <summary>The commands of xl that print, with <c>--json</c>: one value each, whose shape docs/xl-json.md gives.</summary>
internal static class JsonBodies
{
    private static readonly Dictionary<string, Func<CommandContext, Task<JToken>>> All = new()
    {
        ["block-list"] = BlockListAsync,
        ["channel-list"] = ChannelListAsync,
        ["claims"] = async context => new JArray((await context.Domains.ListAsync()).Select(domain => Memory(domain, "claimed_mib", domain.Claimed * PageSize.Bytes >> 20))),
        ["cpupool-list"] = context => Task.FromResult<JToken>(PoolList(context)),
        ["dmesg"] = context => Task.FromResult<JToken>(Log(context)),
        ["domid"] = async context => JsonViews.Named(await context.FindAsync(context.Words.Rest[0])),
        ["domname"] = async context => JsonViews.Named(await context.FindAsync(context.Words.Rest[0])),
        ["info"] = context => Task.FromResult<JToken>(Info(context)),
        ["list"] = async context => new JArray((await DomainsAsync(context)).Select(JsonViews.Of)),
        ["sched-credit"] = context => SharesAsync(context, SchedulerId.Credit),
        ["sched-credit2"] = context => SharesAsync(context, SchedulerId.Credit2),
        ["sched-rtds"] = RealTimeAsync,
        // As the command's text says: no copies are made one.
        ["sharing"] = async context => new JArray((await DomainsAsync(context)).Select(domain => Memory(domain, "shared_mib", 0))),
        ["uptime"] = UptimeAsync,
        ["vcpu-list"] = VcpuListAsync,
        ["version"] = context => Task.FromResult<JToken>(Version(context)),
        ["vm-list"] = async context => new JArray((await DomainsAsync(context)).Select(domain =>
        {
            var json = JsonViews.Named(domain);
            json["uuid"] = $"{domain.Uuid}";
            return json;
        })),
        ["xenstore-quota-get"] = StoreQuotasAsync,
    };

    /// <summary>What these words print as JSON; null when the command has its own way of it, or prints nothing with these words.</summary>
    public static Func<CommandContext, Task<int>>? Find(CommandContext context)
    {
        var (name, words) = (context.Row.Name, context.Words);
        if (!context.IsJson || !All.TryGetValue(name, out var body))
            return null;
        // -l is JSON already, of libxl's shape; and what sets something prints nothing.
        var others = name switch { "list" => "l", "sched-credit" or "sched-credit2" => "wctrm", "sched-rtds" => "pbe", _ => "" };
        if (others.Any(words.Has))
            return null;
        return async context =>
        {
            await context.PrintAsync((await body(context)).ToString(Formatting.Indented));
            return 0;
        };
    }

    private static async Task<List<DomainView>> DomainsAsync(CommandContext context)
    {
        var domains = new List<DomainView>();
        foreach (var word in context.Words.Rest)
            domains.Add(await context.FindAsync(word));
        return context.Words.Rest.Count > 0 ? domains : [.. await context.Domains.ListAsync()];
    }

    private static JObject Memory(DomainView domain, string name, ulong mebibytes)
    {
        var json = JsonViews.Named(domain);
        json["memory_mib"] = domain.MemoryMiB;
        json[name] = mebibytes;
        return json;
    }

    private static async Task<JToken> StoreQuotasAsync(CommandContext context)
    {
        var (domain, rest) = await StoreQuotaCommands.FindAsync(context);
        if (rest.Count > 0)
            throw new WrongUseException("", 2);
        return new JObject { ["quotas"] = new JObject((await context.Domains.ListStoreQuotasAsync(domain)).Select(quota => new JProperty(quota.Name, quota.Value))) };
    }

    private static async Task<JToken> VcpuListAsync(CommandContext context)
    {
        var all = new JArray();
        foreach (var domain in await DomainsAsync(context))
        {
            foreach (var vcpu in await context.Domains.ListVcpusAsync(domain.Id))
                all.Add(JsonViews.Of(domain, vcpu));
        }
        return all;
    }

    private static async Task<JToken> UptimeAsync(CommandContext context)
    {
        var now = DateTimeOffset.Now;
        return new JArray((await DomainsAsync(context)).Select(domain =>
        {
            var json = JsonViews.Named(domain);
            json["seconds"] = Math.Round((now - domain.Started).TotalSeconds, 3);
            json["started"] = JsonViews.Time(domain.Started);
            return json;
        }));
    }

    private static async Task<JToken> BlockListAsync(CommandContext context)
    {
        var all = new JArray();
        foreach (var domain in await DomainsAsync(context))
        {
            foreach (var disk in await context.Toolstack.Disks.ListDisksAsync(domain.Id))
                all.Add(JsonViews.Of(domain, disk));
        }
        return all;
    }

    private static async Task<JToken> ChannelListAsync(CommandContext context)
    {
        var all = new JArray();
        foreach (var domain in await DomainsAsync(context))
        {
            foreach (var channel in await context.Toolstack.Channels.ListChannelsAsync(domain.Id))
                all.Add(JsonViews.Of(domain, channel));
        }
        return all;
    }

    private static JObject Info(CommandContext context)
    {
        var json = new JObject();
        foreach (var (name, value) in InfoCommand.All(context.Toolstack.Host.Describe()))
        {
            if (context.Words.Rest.Count == 0 || context.Words.Rest[0] == name)
                json[name] = InfoCommand.Numbers.Contains(name) ? ulong.Parse(value, CultureInfo.InvariantCulture) : value;
        }
        return json.Count > 0 ? json : throw new ToolstackException($"There is no field '{context.Words.Rest[0]}'; xl info lists them.");
    }

    private static JObject Log(CommandContext context) => new()
    {
        ["lines"] = new JArray(context.Toolstack.Host.ReadLog(clear: context.Words.Has('c')).Split('\n', StringSplitOptions.RemoveEmptyEntries)),
    };

    private static JObject Version(CommandContext context)
    {
        var host = context.Toolstack.Host.Describe();
        return new JObject { ["pvd"] = VersionCommand.Own, ["dotnet"] = $"{Environment.Version}", ["xen"] = $"{host.XenMajor}.{host.XenMinor}{host.XenExtra}" };
    }

    private static JArray PoolList(CommandContext context)
    {
        IReadOnlyList<CpuPoolView> pools = context.Words.Rest.Count > 0 ? [context.FindPool(context.Words.Rest[0])] : context.Toolstack.Processors.ListPools();
        return new JArray(pools.Select(pool => new JObject
        {
            ["name"] = pool.Name, ["scheduler"] = SchedulerNames.Of(pool.Scheduler), ["cpus"] = JsonViews.Of(pool.Cpus), ["domains"] = pool.Domains,
        }));
    }

    private static async Task<JToken> SharesAsync(CommandContext context, SchedulerId scheduler)
    {
        var one = await WantedAsync(context);
        var pools = new JArray();
        foreach (var pool in ShareCommands.PoolsOf(context, scheduler).Where(pool => one == null || pool.Name == one.Pool))
        {
            var parameters = context.Toolstack.Processors.GetParameters(pool);
            var json = new JObject { ["pool"] = pool.Name };
            if (scheduler == SchedulerId.Credit)
            {
                json["tslice_ms"] = parameters.Credit.TimeSliceMilliseconds;
                json["migration_delay_us"] = parameters.Credit.VcpuMigrationDelayMicroseconds;
            }
            json["ratelimit_us"] = scheduler == SchedulerId.Credit ? parameters.Credit.RateLimitMicroseconds : parameters.Credit2.RateLimitMicroseconds;
            json["domains"] = new JArray((await InAsync(context, pool, one)).Select(domain =>
            {
                // Credit has them at the same place.
                var share = context.Toolstack.Processors.GetParameters(domain.Id, scheduler).Credit2;
                var row = JsonViews.Named(domain);
                row["weight"] = share.Weight;
                row["cap"] = share.Cap;
                return row;
            }));
            pools.Add(json);
        }
        return pools;
    }

    private static async Task<JToken> RealTimeAsync(CommandContext context)
    {
        var one = await WantedAsync(context);
        var pools = new JArray();
        foreach (var pool in ShareCommands.PoolsOf(context, SchedulerId.Rtds).Where(pool => one == null || pool.Name == one.Pool))
        {
            pools.Add(new JObject
            {
                ["pool"] = pool.Name,
                ["domains"] = new JArray((await InAsync(context, pool, one)).Select(domain =>
                {
                    var row = JsonViews.Named(domain);
                    row["vcpus"] = new JArray(context.Toolstack.Processors.GetRealTime(domain.Id).Select(vcpu => new JObject
                    {
                        ["vcpu"] = vcpu.Vcpu.Value, ["period_us"] = vcpu.Rtds.Period, ["budget_us"] = vcpu.Rtds.Budget,
                        ["extratime"] = vcpu.Rtds.Flags.HasFlag(SchedRtdsFlags.ExtraTime),
                    }));
                    return row;
                })),
            });
        }
        return pools;
    }

    private static async Task<DomainView?> WantedAsync(CommandContext context)
        => context.Words.Argument('d') is { } word ? await context.FindAsync(word) : null;

    private static async Task<IEnumerable<DomainView>> InAsync(CommandContext context, CpuPoolView pool, DomainView? one)
        => one != null ? [one] : (await context.Domains.ListAsync()).Where(domain => domain.Pool == pool.Name);
}
