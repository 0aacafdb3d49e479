using System.Globalization;
using Pv.Abi;

namespace Pv.Toolstack.Domains;

/// <content>A domain's vCPUs and memory while it lives: what the kernel is asked in xenstore, and what the hypervisor lets it have.</content>
public sealed partial class XenDomains
{
    public Task<IReadOnlyList<VcpuView>> ListVcpusAsync(DomId domain)
    {
        if (_control.GetDomainInfo(domain) is not { } info)
            throw NoSuch(domain);
        var cpus = (int)_control.PhysicalInfo().CpuCount;
        var all = new List<VcpuView>();
        for (uint i = 0; i <= info.MaxVcpuId; i++)
        {
            var id = new VcpuId(i);
            // It may have gone by now, or be one that was never made.
            if (_control.GetVcpuInfo(domain, id) is not { } vcpu)
                continue;
            var (hard, soft) = _control.GetAffinity(domain, id, cpus);
            all.Add(new VcpuView(id, vcpu.Online != 0, vcpu.Running != 0, vcpu.Blocked != 0, vcpu.CpuTime, vcpu.Cpu, hard, soft));
        }
        return Task.FromResult<IReadOnlyList<VcpuView>>(all);
    }

    public async Task SetOnlineVcpusAsync(DomId domain, ulong count)
    {
        var record = FindGuest(domain, "its vCPUs are the process's threads");
        var most = record.Configuration.EffectiveMaxVcpus;
        if (count == 0)
            throw new ToolstackException($"Domain {record.Name} must keep one vCPU at least.");
        if (count > (ulong)most)
            throw new ToolstackException($"Domain {record.Name} cannot have {count} vCPUs: its configuration allows {most}.");
        using var turn = await EnterAsync(record);
        await _store.TransactAsync(async nodes =>
        {
            for (var i = 0; i < most; i++)
                await nodes.WriteAsync($"{DomainNodes.Home(domain)}/cpu/{i}/availability", (ulong)i < count ? "online" : "offline");
        });
        record.Configuration.OnlineVcpus = (int)count;
    }

    public async Task SetMemoryTargetAsync(DomId domain, ulong kibibytes)
    {
        var record = FindGuest(domain, "its memory is the process's");
        using var turn = await EnterAsync(record);
        var most = await ReadKibAsync(domain, "static-max");
        if (kibibytes > most)
            throw new ToolstackException($"Domain {record.Name} may have {most} KiB at most; {kibibytes} KiB are more (xl mem-max sets the limit).");
        _control.SetMaxMemory(domain, kibibytes + DomainAssembly.Slack);
        await _store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync($"{DomainNodes.Home(domain)}/memory/target", $"{kibibytes}");
            await nodes.WriteAsync($"/vm/{record.Configuration.Uuid}/memory", $"{kibibytes / 1024}");
        });
        record.Configuration.TargetMemoryKiB = kibibytes;
    }

    public async Task SetMaxMemoryAsync(DomId domain, ulong kibibytes)
    {
        var record = FindGuest(domain, "its memory is the process's");
        using var turn = await EnterAsync(record);
        var target = await ReadKibAsync(domain, "target");
        if (kibibytes < target)
            throw new ToolstackException($"Domain {record.Name} is to use {target} KiB; {kibibytes} KiB at most are less (xl mem-set sets what it uses).");
        if (kibibytes > MostKib)
            throw new ToolstackException($"{kibibytes} KiB are more than any domain can have.");
        _control.SetMaxMemory(domain, kibibytes + DomainAssembly.Slack);
        await _store.WriteAsync($"{DomainNodes.Home(domain)}/memory/static-max", $"{kibibytes}");
        record.Configuration.MaxMemoryKiB = kibibytes;
    }

    /// <summary>As many bytes as frame numbers of 52 bits have.</summary>
    private const ulong MostKib = 1ul << (52 + PageSize.Shift - 10);

    private async Task<ulong> ReadKibAsync(DomId domain, string node)
    {
        var text = await _store.ReadAsync($"{DomainNodes.Home(domain)}/memory/{node}") ?? throw NoSuch(domain);
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var kib)
            ? kib : throw new ToolstackException($"Domain {domain.Value}: memory/{node} is no amount of memory: '{text}'.");
    }

    /// <param name="domain">A domain.</param>
    /// <param name="because">Why domain 0 cannot be meant.</param>
    private DomainRecord FindGuest(DomId domain, string because)
        => domain == DomId.Dom0 ? throw new ToolstackException($"Domain 0 is pvd itself; {because}.") : Find(domain);
}
