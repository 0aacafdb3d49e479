using Pv.Machine.Gate;

namespace Pv.Toolstack.Domains;

/// <summary>What commands stand on: the domains, the host, the consoles and the traces of one <c>pvd</c>. Any thread.</summary>
public interface IToolstack
{
    IDomains Domains { get; }

    IHostFacts Host { get; }

    IConsoles Consoles { get; }

    IDomainTraces Traces { get; }
}
