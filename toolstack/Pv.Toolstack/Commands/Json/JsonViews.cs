using System.Globalization;
using Newtonsoft.Json.Linq;
using Pv.Abi;
using Pv.Config;
using Pv.Toolstack.Channels;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;

namespace Pv.Toolstack.Commands.Json;

/// <summary>What commands print with <c>--json</c>, object by object. docs/xl-json.md has the shapes; a key once there stays, and no value is null.</summary>
internal static class JsonViews
{
    public static JObject Of(DomainView domain)
    {
        var json = Named(domain);
        json["uuid"] = $"{domain.Uuid}";
        json["memory_mib"] = domain.MemoryMiB;
        json["vcpus"] = domain.Vcpus;
        json["state"] = StateOf(domain.Flags);
        json["flags"] = domain.State;
        json["reason"] = ReasonOf(domain);
        json["cpu_seconds"] = Seconds(domain.CpuTime);
        json["pool"] = domain.Pool;
        json["started"] = Time(domain.Started);
        return json;
    }

    /// <summary>The two that name a domain, first in every object about one.</summary>
    public static JObject Named(DomainView domain) => new() { ["domid"] = domain.Id.Value, ["name"] = domain.Name };

    public static JObject Of(DomainView domain, VcpuView vcpu)
    {
        var json = Named(domain);
        json["vcpu"] = vcpu.Id.Value;
        json["state"] = !vcpu.IsOnline ? "offline" : vcpu.IsRunning ? "running" : vcpu.IsBlocked ? "blocked" : "runnable";
        json["cpu"] = vcpu.IsOnline ? vcpu.Cpu : -1;
        json["cpu_seconds"] = Seconds(vcpu.CpuTime);
        json["hard_affinity"] = Of(vcpu.HardAffinity);
        json["soft_affinity"] = Of(vcpu.SoftAffinity);
        return json;
    }

    public static JObject Of(DomainView domain, DiskView disk)
    {
        var json = Named(domain);
        json["vdev"] = disk.Number;
        json["backend_domid"] = disk.BackEnd.Value;
        json["state"] = disk.State.ToString().ToLowerInvariant();
        json["event_channel"] = disk.Port;
        json["ring_ref"] = disk.RingRef;
        json["backend_path"] = disk.BackEndPath;
        return json;
    }

    public static JObject Of(DomainView domain, ChannelView channel)
    {
        var json = Named(domain);
        json["index"] = channel.Number;
        json["channel"] = channel.Name;
        json["backend_domid"] = channel.BackEnd.Value;
        json["state"] = channel.State.ToString().ToLowerInvariant();
        json["event_channel"] = channel.Port;
        json["ring_ref"] = channel.RingRef;
        json["connection"] = channel.Connection.ToString().ToLowerInvariant();
        json["path"] = channel.Path;
        return json;
    }

    public static JArray Of(CpuMap cpus) => [.. cpus.Cpus];

    /// <summary>The one word that says most.</summary>
    public static string StateOf(DomainInfoFlags flags) => flags switch
    {
        _ when flags.HasFlag(DomainInfoFlags.Dying) => "dying",
        _ when flags.HasFlag(DomainInfoFlags.Shutdown) => "shutdown",
        _ when flags.HasFlag(DomainInfoFlags.Paused) => "paused",
        _ when flags.HasFlag(DomainInfoFlags.Running) => "running",
        _ when flags.HasFlag(DomainInfoFlags.Blocked) => "blocked",
        _ => "runnable",
    };

    public static string ReasonOf(DomainView domain) => domain.HasShutDown ? DomainEvent.WordOf(domain.Reason) : "none";

    public static double Seconds(ulong nanoseconds) => Math.Round(nanoseconds / 1e9, 6);

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
