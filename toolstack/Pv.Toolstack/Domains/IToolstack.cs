using Pv.Machine.Gate;
using Pv.Toolstack.Channels;
using Pv.Toolstack.Disks;
using Pv.Toolstack.Events;
using Pv.Toolstack.Metrics;
using Pv.Toolstack.Processors;
using Pv.Toolstack.Seeds;

namespace Pv.Toolstack.Domains;

/// <summary>What commands stand on: the domains, the host, the consoles and the traces of one <c>pvd</c>. Any thread.</summary>
public interface IToolstack
{
    IDomains Domains { get; }

    IDisks Disks { get; }

    IChannels Channels { get; }

    IHostFacts Host { get; }

    IProcessors Processors { get; }

    IConsoles Consoles { get; }

    IConsoleLogs ConsoleLogs { get; }

    IDomainEvents Events { get; }

    IDomainTraces Traces { get; }

    IMetrics Metrics { get; }

    /// <summary>What <c>pvd</c> logs.</summary>
    LogFeed Log { get; }

    ISeedMachines Seeds { get; }
}
