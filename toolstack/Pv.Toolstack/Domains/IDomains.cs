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

    /// <summary>Stops its vCPUs. Pauses add up.</summary>
    Task PauseAsync(DomId domain);

    /// <summary>Takes one pause back. False if it was not paused.</summary>
    Task<bool> UnpauseAsync(DomId domain);

    /// <summary>Asks the domain's kernel through xenstore. Returns when the kernel has taken the request (or is gone), not when it has obeyed.</summary>
    Task AskToShutDownAsync(DomId domain, ShutdownRequest request, CancellationToken cancel);

    /// <summary>Asks the domain's kernel to suspend itself, and returns once it sleeps in memory.</summary>
    Task SuspendAsync(DomId domain, CancellationToken cancel);

    /// <summary>Lets a suspended domain run on.</summary>
    Task ResumeAsync(DomId domain);

    /// <summary>Says what the domain's next restart builds from. The domain itself stays as it is.</summary>
    void ReplaceConfiguration(DomId domain, DomainConfiguration configuration);

    /// <summary>xenstored's quotas by name, of a domain or with null of all that have none of their own. 0: without limit.</summary>
    Task<IReadOnlyList<(string Name, int Value)>> ListStoreQuotasAsync(DomId? domain);

    /// <summary>Sets one.</summary>
    Task SetStoreQuotaAsync(DomId? domain, string name, int value);

    /// <summary>Passes a letter to the kernel, as a keyboard with a SysRq key would.</summary>
    Task SendSysRqAsync(DomId domain, char letter);

    /// <summary>Raises something that hardware would.</summary>
    Task TriggerAsync(DomId domain, DomainTrigger trigger, VcpuId vcpu);

    /// <summary>A domain's vCPUs by number.</summary>
    Task<IReadOnlyList<VcpuView>> ListVcpusAsync(DomId domain);

    /// <summary>Asks the kernel to use the first <paramref name="count"/> of its vCPUs; a restart of the domain keeps it so.</summary>
    Task SetOnlineVcpusAsync(DomId domain, ulong count);

    /// <summary>Asks the kernel to use so many KiB, and lets it have no more; a restart keeps it so.</summary>
    Task SetMemoryTargetAsync(DomId domain, ulong kibibytes);

    /// <summary>Sets how many KiB the domain may be given at most; a restart keeps it so.</summary>
    Task SetMaxMemoryAsync(DomId domain, ulong kibibytes);

    /// <summary>Writes its registers and memory to a file, which is new or replaced. The domain does not run meanwhile.</summary>
    Task DumpCoreAsync(DomId domain, string path, CancellationToken cancel);

    /// <summary>Ends it at once and gives back all that it had.</summary>
    Task DestroyAsync(DomId domain);

    Task RenameAsync(DomId domain, string name);

    /// <summary>Waits until a domain has shut down, and says why; null if it was destroyed instead.</summary>
    Task<ShutdownReason?> WaitForShutdownAsync(DomId domain, CancellationToken cancel);

    /// <summary>Waits until the domain is gone and no restart has followed it. Says why the last shut down; null if it was destroyed instead.</summary>
    Task<ShutdownReason?> WaitForEndAsync(DomId domain, CancellationToken cancel);

    /// <summary>Waits for the domain that a restart makes of this one, which is about to run. Null once there will be none.</summary>
    Task<DomId?> WaitForSuccessorAsync(DomId domain, CancellationToken cancel);
}

/// <summary>How a domain is to be created.</summary>
/// <param name="Paused">Leave it paused.</param>
/// <param name="ActOnEnd">Do what the configuration says (<c>on_poweroff</c> and its kin) when it shuts down.</param>
/// <param name="Directory">Where relative paths of the configuration begin.</param>
/// <param name="BeforeStart">Called with the new domain before it runs, and before its boot loader does, so that its console can be attached from the first byte on.</param>
/// <param name="Life">When it is cancelled, the domain is destroyed, or the one that its restarts have made of it by then, and none follows.</param>
public sealed record CreateOptions(bool Paused, bool ActOnEnd, string Directory, Func<DomId, Task>? BeforeStart = null, CancellationToken Life = default);

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
