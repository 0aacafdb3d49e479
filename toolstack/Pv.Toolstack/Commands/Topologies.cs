using Pv.Config;

namespace Pv.Toolstack.Commands;

/// <summary>Which CPUs a command's CPU lists speak of.</summary>
internal static class Topologies
{
    /// <summary>
    /// This host's. A dry run is for any host, as a configuration is: its lists are judged on <see cref="HostTopology.Assumed"/> where this host has
    /// fewer CPUs.
    /// </summary>
    public static HostTopology Topology(this CommandContext context, bool dryRun = false)
    {
        var own = context.OwnTopology();
        return dryRun || context.Global.DryRun ? HostTopology.OfDryRun(own) : own;
    }

    /// <summary>This host's, whatever the command does.</summary>
    public static HostTopology OwnTopology(this CommandContext context) => new((int)context.Toolstack.Host.Describe().Physical.CpuCount);
}
