using Pv.Abi;
using Pv.Config.Domain;

namespace Pv.Toolstack.Domains;

/// <summary>The domains of this host and what can be done to them. Any thread; what concerns one domain is done in turn.</summary>
/// <remarks>What cannot be done is a <see cref="ToolstackException"/> whose message is a sentence for the user.</remarks>
public interface IDomains
{
    /// <summary>All domains, Dom0 included, by number.</summary>
    Task<IReadOnlyList<DomainView>> ListAsync();

    /// <summary>One domain, or null.</summary>
    Task<DomainView?> FindAsync(DomId domain);

    /// <summary>The configuration that a domain was built from; null for Dom0 and for a domain that is gone.</summary>
    DomainConfiguration? ConfigurationOf(DomId domain);

    /// <summary>Builds a domain and, unless asked not to, starts it. On failure nothing of it is left.</summary>
    Task<DomId> CreateAsync(DomainConfiguration configuration, CreateOptions options, CancellationToken cancel);

    Task PauseAsync(DomId domain);

    Task UnpauseAsync(DomId domain);

    /// <summary>Asks the domain's kernel through xenstore. Returns when it was asked, not when it has obeyed.</summary>
    Task AskToShutDownAsync(DomId domain, ShutdownRequest request);

    /// <summary>Ends it at once and gives back all that it had.</summary>
    Task DestroyAsync(DomId domain);

    Task RenameAsync(DomId domain, string name);

    /// <summary>Waits until a domain has shut down, and says why; null if it was destroyed instead.</summary>
    Task<ShutdownReason?> WaitForShutdownAsync(DomId domain, CancellationToken cancel);

    /// <summary>Waits until the domain is gone and no restart has followed it.</summary>
    Task WaitForEndAsync(DomId domain, CancellationToken cancel);
}

/// <summary>How a domain is to be created.</summary>
/// <param name="Paused">Leave it paused.</param>
/// <param name="ActOnEnd">Do what the configuration says (<c>on_poweroff</c> and its kin) when it shuts down.</param>
/// <param name="Directory">Where relative paths of the configuration begin.</param>
/// <param name="BeforeStart">Called with the new domain before it runs, so that its console can be attached from the first byte on.</param>
public sealed record CreateOptions(bool Paused, bool ActOnEnd, string Directory, Func<DomId, Task>? BeforeStart = null);

/// <summary>What a domain can be asked through <c>control/shutdown</c>.</summary>
public enum ShutdownRequest
{
    PowerOff,
    Reboot,
}

/// <summary>Something that the toolstack could not do. The message is one sentence that names what and why.</summary>
/// <param name="message">The sentence.</param>
/// <param name="exitCode">The exit code of the command that wanted it.</param>
public sealed class ToolstackException(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
