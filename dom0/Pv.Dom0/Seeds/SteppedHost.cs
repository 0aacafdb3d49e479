using Pv.Abi;
using Pv.Cpu.Managed;
using Pv.Cpu.Software;
using Pv.Dom0.XenStore;
using Pv.Guest;
using Pv.Hypervisor;
using Pv.Hypervisor.Stepping;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;
using Pv.Toolstack.Seeds;

namespace Pv.Dom0.Seeds;

/// <summary>
/// A host in deterministic mode: the hypervisor on a stepper, and all of Dom0 (xenstored, consoles, the toolstack) on the one thread that made it.
/// No file, socket or clock of the real host is in it.
/// </summary>
internal sealed class SteppedHost : IDisposable
{
    private const ulong FramesBesideGuests = 16384;

    private readonly Stepper _stepper;
    private readonly TraceLog _trace;
    private readonly HypervisorCore _core;
    private readonly Dom0Kernel _kernel;
    private readonly StoreService _service;
    private readonly IXenStore _store;
    private readonly HypervisorControl _control;
    private readonly DomainAssembly _assembly;
    private readonly Queue<IThreadPoolWorkItem> _deliveries = new();
    private readonly List<SteppedDomain> _domains = [];
    private readonly List<string> _complaints = [];
    private readonly ulong _freeFrames;

    /// <param name="stepper">Decides; made by this thread.</param>
    /// <param name="trace">Takes the guests' hypercalls.</param>
    /// <param name="memoryKib">The guests' memory together.</param>
    /// <param name="pcpus">How many vCPUs may be in the middle of something at once.</param>
    /// <param name="alter">A test's: breaks the hypervisor before there are guests.</param>
    public SteppedHost(Stepper stepper, TraceLog trace, ulong memoryKib, int pcpus, Action<HypervisorCore>? alter = null)
    {
        (_stepper, _trace) = (stepper, trace);
        ManagedEngine? managed = null;
        _core = new HypervisorCore(new MachineOptions
        {
            Frames = memoryKib / (PageSize.Bytes / 1024) + FramesBesideGuests,
            PCpus = pcpus,
            Stepper = stepper,
            // Interpreted: how far a block of translated code runs depends on when it was translated.
            ParavirtualizedEngine = memory => new SoftwareEngine(memory, -1),
            ManagedEngine = gates => managed = new ManagedEngine(gates),
        });
        _kernel = new Dom0Kernel(_core.Dom0, (channel, failure) => _complaints.Add($"a handler of Dom0's {channel.Port} failed: {failure.Message}"), _deliveries.Enqueue);
        _core.Dom0Upcall += _kernel.Upcall;
        _service = new StoreService(_kernel, _complaints.Add, inline: true);
        _store = _service.OpenClient();
        _control = new HypervisorControl(_core.Dom0);
        _assembly = new DomainAssembly(_control, _kernel.Memory, managed!);
        DomainNodes.MakeDom0Async(_store, _core.Dom0.InitialFrames * (PageSize.Bytes / 1024)).GetAwaiter().GetResult();
        _freeFrames = _core.FreeFrames;
        alter?.Invoke(_core);
    }

    /// <summary>What the guests showed, in the order in which they were added.</summary>
    public IReadOnlyList<string> Consoles => [.. _domains.Select(domain => domain.Console.Text)];

    /// <summary>Builds a guest; it does not run before <see cref="Run"/>.</summary>
    public void Add(SeedGuest guest)
    {
        var booted = DateTimeOffset.UnixEpoch.AddTicks((long)(_stepper.Clock.BootWallClock / 100));
        var (domain, built) = guest.Build(_assembly, _store, booted);
        _domains.Add(new SteppedDomain(guest.Name, domain, guest.OpenConsole(), _kernel, built.ConsolePort));
        if (!_trace.TryFollow(_core, domain))
            throw new InvalidOperationException($"{domain} went before it began.");
    }

    /// <summary>Runs the guests until they end, or the first of them showed what is expected of it, or the time is over. What is wrong then, or null.</summary>
    public string? Run(ulong nanoseconds)
    {
        var end = _stepper.Clock.Now + nanoseconds;
        foreach (var domain in _domains)
            _control.UnpauseDomain(domain.Id).OrThrow("XEN_DOMCTL_unpausedomain");
        while (true)
        {
            Work();
            if (Judge(out var isOver) is { } wrong)
                return wrong;
            if (isOver)
                return Leave();
            if (_stepper.Clock.Now >= end || !_stepper.Run(() => _deliveries.Count > 0, end - _stepper.Clock.Now))
                return Missing("in the time that it had") ?? Blocked() ?? Leave();
        }
    }

    public void Dispose() => _core.Dispose();

    /// <summary>Does what events ask of Dom0.</summary>
    private void Work()
    {
        do
        {
            while (_deliveries.TryDequeue(out var delivery))
                delivery.Execute();
            foreach (var domain in _domains)
                domain.Serve();
        }
        while (_deliveries.Count > 0);
    }

    private string? Judge(out bool isOver)
    {
        isOver = false;
        if (_complaints.Count > 0)
            return _complaints[0];
        if (_stepper.Failures.Count > 0)
            return _stepper.Failures[0].Message;
        var ended = 0;
        foreach (var domain in _domains)
        {
            switch (ReasonOf(domain.Id))
            {
                case null:
                    break;
                case ShutdownReason.Crash:
                    return $"{domain.Name} crashed: {WhyCrashed()}";
                case ShutdownReason.Watchdog:
                    return $"{domain.Name} was ended by its watchdog";
                default:
                    ended++;
                    break;
            }
        }
        isOver = ended == _domains.Count || _domains[0].Console.IsMet;
        return ended == _domains.Count ? Missing("before it ended") : null;
    }

    /// <summary>Everything ends, and gives back what it had. The hypervisor's accounts must be right before and behind that.</summary>
    private string? Leave()
    {
        if (Audit("before the guests were destroyed") is { } wrong)
            return wrong;
        foreach (var domain in _domains)
        {
            domain.Dispose();
            _control.DestroyDomain(domain.Id).OrThrow("XEN_DOMCTL_destroydomain");
            Work();
        }
        var kept = _freeFrames - _core.FreeFrames;
        return kept == 0 ? Audit("when all guests were destroyed") : $"{kept} frames were not given back when all guests were destroyed";
    }

    private string? Audit(string when) => _core.Audit() is [var finding, ..] findings ? $"the accounts were wrong {when}: {finding}{(findings.Count > 1 ? $", and {findings.Count - 1} more" : "")}" : null;

    private string? Missing(string when) => _domains[0].Console.Missing is { } text ? $"{_domains[0].Name} did not show \"{text}\" {when}" : null;

    private string? Blocked() => _stepper.Blocked.Any() ? $"a deadlock: {string.Join("; ", _stepper.Blocked)}" : null;

    private string WhyCrashed()
        => _core.Log.Read(clear: false).Split('\n').FirstOrDefault(line => line.StartsWith("d", StringComparison.Ordinal) && line.Contains(": ", StringComparison.Ordinal) && !line.StartsWith("domain", StringComparison.Ordinal), "the log has no reason");

    private ShutdownReason? ReasonOf(DomId domain)
        => _control.GetDomainInfo(domain) is { } info && (info.Flags & DomainInfoFlags.Shutdown) != 0 ? info.ShutdownReason : null;
}
