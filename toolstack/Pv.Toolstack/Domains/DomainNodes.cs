using System.Globalization;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Guest;
using Pv.Toolstack.Building;

namespace Pv.Toolstack.Domains;

/// <summary>A domain's nodes in xenstore, as libxl makes them: same names, same owners, same order.</summary>
public static class DomainNodes
{
    /// <summary>Nodes that the domain itself writes.</summary>
    private static readonly string[] ItsOwn =
    [
        "device/suspend/event-channel", "control/shutdown", "control/feature-poweroff", "control/feature-reboot", "control/feature-suspend",
        "control/sysrq", "data", "drivers", "feature", "attr", "error",
    ];

    /// <summary>And one that serves devices to others: where a toolstack and device models of its own write.</summary>
    private static readonly string[] ItsOwnAsDriver = ["libxl", "device-model"];

    public static string Home(DomId domain) => $"/local/domain/{domain.Value}";

    /// <summary>Dom0's own nodes, once at the start.</summary>
    public static Task MakeDom0Async(IXenStore store, ulong memoryKib) => store.TransactAsync(async nodes =>
    {
        await nodes.WriteAsync("/local/domain/0/domid", "0");
        await nodes.WriteAsync("/local/domain/0/name", "Domain-0");
        await nodes.WriteAsync("/local/domain/0/memory/target", $"{memoryKib}");
        await nodes.WriteAsync("/local/domain/0/memory/static-max", $"{memoryKib}");
        await nodes.WriteAsync("/local/pool/0/name", "Pool-0");
        await nodes.MakeDirectoryAsync("/vm");
        await nodes.MakeDirectoryAsync("/libxl");
    });

    /// <summary>Makes them all.</summary>
    internal static Task MakeAsync(IXenStore store, DomId domain, DomainConfiguration configuration, BuiltDomain built, DateTimeOffset now)
        => QueuedNodes.TransactAsync(store, nodes => MakeAsync(nodes, domain, configuration, built, now));

    /// <summary>Gives a domain that goes by another UUID and name from now on its nodes under them. The old ones stay for its successor.</summary>
    internal static Task MoveAsync(IXenStore store, DomId domain, DomainConfiguration configuration, DateTimeOffset started)
        => store.TransactAsync(nodes => MakeIdentityAsync(nodes, domain, configuration, started));

    /// <summary>Removes what does not go by itself when xenstored releases the domain.</summary>
    internal static Task RemoveAsync(IXenStore store, DomId domain, Guid uuid) => QueuedNodes.TransactAsync(store, async nodes =>
    {
        await nodes.RemoveAsync(Home(domain));
        await nodes.RemoveAsync($"/libxl/{domain.Value}");
        await nodes.RemoveAsync($"/vm/{uuid}");
    });

    private static async Task MakeAsync(IXenStoreNodes nodes, DomId domain, DomainConfiguration configuration, BuiltDomain built, DateTimeOffset now)
    {
        var readable = Readable(domain);
        XenStorePermission[] itsOwn = [new(domain, XenStoreAccess.None)];
        var home = Home(domain);

        await MakeIdentityAsync(nodes, domain, configuration, now);
        for (var vcpu = 0; vcpu < configuration.EffectiveMaxVcpus; vcpu++)
            await MakeAsync($"{home}/cpu/{vcpu}/availability", vcpu < configuration.EffectiveOnlineVcpus ? "online" : "offline", readable);
        await MakeAsync($"{home}/memory/static-max", $"{configuration.EffectiveMaxMemoryKiB}", readable);
        await MakeAsync($"{home}/memory/target", $"{configuration.EffectiveMemoryKiB}", readable);
        await MakeAsync($"{home}/memory/videoram", "0", readable);
        await MakeAsync($"{home}/device", "", readable);
        await MakeAsync($"{home}/control", "", readable);
        foreach (var node in configuration.DriverDomain == true ? [.. ItsOwn, .. ItsOwnAsDriver] : ItsOwn)
            await MakeAsync($"{home}/{node}", "", itsOwn);
        await MakeAsync($"{home}/control/platform-feature-multiprocessor-suspend", "1", readable);
        await MakeAsync($"{home}/control/platform-feature-xs_reset_watches", "1", readable);
        await MakeAsync($"{home}/domid", $"{domain.Value}", readable);
        await MakeAsync($"{home}/store/port", $"{built.XenStorePort.Value}", readable);
        await MakeAsync($"{home}/store/ring-ref", $"{built.XenStorePage}", readable);
        await MakeConsoleAsync();
        await nodes.WriteAsync($"/libxl/{domain.Value}/type", "pv");

        async Task MakeConsoleAsync()
        {
            var (frontend, backend, libxl) = ($"{home}/console", $"/local/domain/0/backend/console/{domain.Value}/0", $"/libxl/{domain.Value}/device/console/0");
            await nodes.WriteAsync($"{libxl}/frontend", frontend);
            await nodes.WriteAsync($"{libxl}/backend", backend);
            await MakeAsync(backend, "", readable);
            await nodes.WriteAsync($"{backend}/frontend", frontend);
            foreach (var (node, value) in new[] { ("frontend-id", $"{domain.Value}"), ("online", "1"), ("state", "1"), ("protocol", "vt100") })
            {
                await nodes.WriteAsync($"{backend}/{node}", value);
                await nodes.WriteAsync($"{libxl}/{node}", value);
            }
            await MakeAsync($"{home}/console/backend", backend, readable);
            await MakeAsync($"{home}/console/backend-id", "0", [.. itsOwn, new(DomId.Dom0, XenStoreAccess.Read)]);
            await MakeAsync($"{home}/console/limit", "1048576", readable);
            await MakeAsync($"{home}/console/type", "xenconsoled", readable);
            await MakeAsync($"{home}/console/output", "pty", readable);
            await MakeAsync($"{home}/console/tty", "", readable);
            await MakeAsync($"{home}/console/port", $"{built.ConsolePort.Value}", readable);
            await MakeAsync($"{home}/console/ring-ref", $"{built.ConsolePage}", readable);
        }

        // The home is new, and a new node has the permissions of the one above it: only others are set.
        Task MakeAsync(string path, string value, XenStorePermission[] permissions)
            => permissions == readable && path.StartsWith(home, StringComparison.Ordinal) ? nodes.WriteAsync(path, value) : DomainNodes.MakeAsync(nodes, path, value, permissions);
    }

    /// <summary>What goes by the domain's UUID, and the domain's way to it.</summary>
    private static async Task MakeIdentityAsync(IXenStoreNodes nodes, DomId domain, DomainConfiguration configuration, DateTimeOffset now)
    {
        var (readable, home, vm) = (Readable(domain), Home(domain), $"/vm/{configuration.Uuid}");
        await MakeAsync(nodes, vm, "", readable);
        await MakeAsync(nodes, $"{vm}/name", configuration.Name, readable);
        await MakeAsync(nodes, $"{vm}/uuid", $"{configuration.Uuid}", readable);
        // As libxl calls every paravirtualized kernel.
        await MakeAsync(nodes, $"{vm}/image", "", readable);
        await MakeAsync(nodes, $"{vm}/image/ostype", "linux", readable);
        foreach (var (node, value) in new[] { ("kernel", configuration.Kernel), ("ramdisk", configuration.Ramdisk), ("cmdline", configuration.CommandLine) })
        {
            if (value is not null)
                await MakeAsync(nodes, $"{vm}/image/{node}", value, readable);
        }
        await MakeAsync(nodes, $"{vm}/start_time", string.Create(CultureInfo.InvariantCulture, $"{now.ToUnixTimeSeconds()}.{now.Millisecond / 10:D2}"), readable);
        await MakeAsync(nodes, home, "", readable);
        await MakeAsync(nodes, $"{home}/vm", vm, readable);
        await MakeAsync(nodes, $"{home}/name", configuration.Name, readable);
    }

    private static XenStorePermission[] Readable(DomId domain) => [new(DomId.Dom0, XenStoreAccess.None), new(domain, XenStoreAccess.Read)];

    private static async Task MakeAsync(IXenStoreNodes nodes, string path, string value, XenStorePermission[] permissions)
    {
        await nodes.WriteAsync(path, value);
        await nodes.SetPermissionsAsync(path, permissions);
    }
}
