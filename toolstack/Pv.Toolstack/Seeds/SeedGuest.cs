using Pv.Abi;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Runs;

namespace Pv.Toolstack.Seeds;

/// <summary>A guest that is to run in deterministic mode, again and again: its files are read once.</summary>
public sealed class SeedGuest
{
    private readonly DomainPlan _plan;
    private readonly Func<RunScript> _script;

    private SeedGuest(DomainPlan plan, Func<RunScript> script) => (_plan, _script) = (plan, script);

    public string Name => _plan.Configuration.Name;

    public int Vcpus => _plan.Configuration.EffectiveMaxVcpus;

    public ulong MemoryKiB => _plan.Configuration.EffectiveMemoryKiB;

    /// <summary>Reads the files.</summary>
    /// <param name="configuration">What it is. Its UUID becomes one that is the same in every run.</param>
    /// <param name="number">Its place among the guests.</param>
    /// <param name="directory">Where relative paths begin.</param>
    /// <param name="script">Makes what is expected of its console and typed there.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ToolstackException">It cannot run so.</exception>
    internal static async Task<SeedGuest> PlanAsync(DomainConfiguration configuration, int number, string directory, Func<RunScript> script, CancellationToken cancel)
    {
        if (configuration.Disks.Count > 0)
            throw new ToolstackException($"Domain {configuration.Name} has disks, which are files of the host: in deterministic mode there are none.");
        if (configuration.Nics.Count > 0)
            throw new ToolstackException($"Domain {configuration.Name} has network interfaces, which end at the host: in deterministic mode there are none.");
        if (configuration.Channels.Count > 0)
            throw new ToolstackException($"Domain {configuration.Name} has channels, which end at the host: in deterministic mode there are none.");
        if (configuration.Bootloader is { Length: > 0 })
            throw new ToolstackException($"Domain {configuration.Name} has a boot loader, which is a program of the host: in deterministic mode there are none; name a kernel.");
        // The zone is the host's.
        configuration.LocalTime = false;
        configuration.Uuid = new Guid(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{number} {configuration.Name}")).AsSpan(0, 16));
        return new SeedGuest(await DomainAssembly.PlanAsync(configuration, directory, cancel), script);
    }

    /// <summary>Makes and fills the domain and its nodes. On a store that answers at once.</summary>
    /// <exception cref="ImageException">The image does not fit.</exception>
    /// <exception cref="HypercallException">The hypervisor refused something.</exception>
    public (DomId Domain, BuiltDomain Built) Build(DomainAssembly assembly, IXenStore store, DateTimeOffset now)
    {
        var domain = assembly.MakeEmpty(_plan, pool: 0);
        var built = assembly.Build(_plan, domain);
        DomainNodes.MakeAsync(store, domain, _plan.Configuration, built, now).GetAwaiter().GetResult();
        store.IntroduceAsync(domain, new Pfn(built.XenStorePage), built.XenStorePort).GetAwaiter().GetResult();
        return (domain, built);
    }

    /// <summary>The script from its beginning, for one run.</summary>
    public SeedConsole OpenConsole() => new(_script());
}
