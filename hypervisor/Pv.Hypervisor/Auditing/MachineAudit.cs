using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Grants;

namespace Pv.Hypervisor.Auditing;

/// <summary>
/// Holds the hypervisor's accounts against each other, worked out anew: frames and their types, event channels, grants, quotas. On a machine
/// that stands still every finding is a fault of ours, whatever guests did.
/// </summary>
/// <remarks>One thread at a time. An object that is kept also sees what must not grow from one audit to the next.</remarks>
internal sealed class MachineAudit
{
    /// <summary>Dom0 goes on in the middle of its calls while guests are stopped: what it is about is seen again only if it is wrong.</summary>
    private const int LooksAtRunningDom0 = 30;

    // Timers that a vCPU, a domain, a pCPU and a pool can have armed.
    private const int TimersPerVcpu = 8, TimersPerDomain = 4, TimersPerPCpu = 4, VoidTimers = 66;

    private readonly HypervisorCore _core;
    private readonly FrameAudit _frames;
    private readonly Dictionary<(DomId Granter, uint Ref), GrantUses> _maps = [];
    private readonly Dictionary<DomId, (Domain Of, ulong Pages)> _pages = [];

    public MachineAudit(HypervisorCore core)
    {
        _core = core;
        _frames = new FrameAudit(core, Findings);
    }

    public AuditFindings Findings { get; } = new();

    /// <summary>Looks at a machine that stands still: no vCPU runs, and nobody is in a hypercall.</summary>
    public AuditFindings Look()
    {
        Findings.Clear();
        var domains = _core.Domains.Snapshot();
        _frames.Look(domains);
        _maps.Clear();
        foreach (var domain in domains)
            domain.Grants.CountMaps(_maps, Findings);
        foreach (var domain in domains)
        {
            domain.Grants.Audit(_maps, Findings);
            domain.Events.Audit(Findings);
            LookAtQuotas(domain);
        }
        foreach (var ((granter, reference), uses) in _maps)
            Findings.Add($"{uses.Maps} maps of {granter}'s grant {reference}, of which nobody knows");
        LookAtTimers(domains);
        return Findings;
    }

    /// <summary>
    /// Stops all guests, looks, and lets them go on. Dom0 is not stopped, so what may be the middle of one of its calls is looked at again, and
    /// only what stays wrong is a finding. Not from a pCPU's thread.
    /// </summary>
    public AuditFindings StopAndLook()
    {
        var domains = _core.Domains.Snapshot();
        foreach (var domain in domains)
            domain.Pause();
        try
        {
            for (var looks = 1; ; looks++)
            {
                if (Look().AreNone || looks == LooksAtRunningDom0)
                    return Findings;
                LetDom0GoOn(looks);
            }
        }
        finally
        {
            foreach (var domain in domains)
                domain.Unpause();
        }
    }

    /// <summary>On a busy host whoever is in the middle of a call may have lost his processor there, for longer than it takes to look.</summary>
    private void LetDom0GoOn(int looks)
    {
        if (_core.Stepper is { } stepper)
            stepper.Point();
        else
            Thread.Sleep(looks);
    }

    /// <summary>Takes note of what domains have: the toolstack may set a limit below that, and then they must not get more.</summary>
    public void NotePages()
    {
        foreach (var domain in _core.Domains.Snapshot())
            _pages[domain.Id] = (domain, domain.TotalPages);
    }

    private void LookAtQuotas(Domain domain)
    {
        if (domain.TotalPages > domain.MaxPages && _pages.TryGetValue(domain.Id, out var before) && before.Of == domain && domain.TotalPages > before.Pages)
            Findings.Add($"{domain.Id} has {domain.TotalPages} frames, {before.Pages} before, and may have {domain.MaxPages}");
        _pages[domain.Id] = (domain, domain.TotalPages);
    }

    private void LookAtTimers(IReadOnlyList<Domain> domains)
    {
        var armed = _core.Scheduler.PCpuCount * TimersPerPCpu;
        foreach (var domain in domains)
            armed += TimersPerDomain + (domain.Vcpus.Length + domain.Services.Length) * TimersPerVcpu;
        if (_core.Timekeeper.Length > 2 * armed + VoidTimers)
            Findings.Add($"{_core.Timekeeper.Length} timers, and at most {armed} can be set");
    }
}
