using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Auditing;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;
using Pv.Hypervisor.Tracing;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Hypervisor;

/// <summary>What a machine is made of.</summary>
public sealed record MachineOptions
{
    /// <summary>Frames of machine memory.</summary>
    public required ulong Frames { get; init; }

    /// <summary>Physical CPUs: threads that run guests.</summary>
    public required int PCpus { get; init; }

    /// <summary>Frames of Dom0's own memory, for the rings and pages that it shares.</summary>
    public ulong Dom0Frames { get; init; } = 1024;

    /// <summary>Grant maps that Dom0's back ends may hold, in maptrack frames.</summary>
    public uint Dom0MaptrackFrames { get; init; } = 1024;

    public IClock Clock { get; init; } = new HostClock();

    /// <summary>Timers fire only when whoever moves the clock has them fired, on its thread.</summary>
    public bool ManualTimers { get; init; }

    /// <summary>The source of chance for <c>rdrand</c> and the like.</summary>
    public Random Random { get; init; } = new();

    /// <summary>
    /// Makes the machine deterministic: time, chance and the order in which threads run are the stepper's, <see cref="Clock"/>,
    /// <see cref="ManualTimers"/> and <see cref="Random"/> are not asked. The thread that made the stepper makes the machine, is its Dom0, and disposes it.
    /// </summary>
    public Stepper? Stepper { get; init; }

    /// <summary>The scheduler of pool 0.</summary>
    public SchedulerId Scheduler { get; init; } = SchedulerId.Credit2;

    /// <summary>How long the service of a queue of asynchronous hypercalls looks for more before it sleeps, in nanoseconds.</summary>
    public ulong AsyncPollNanoseconds { get; init; } = 50_000;

    /// <summary>Makes the engine of real PV kernels over the machine's memory; null for a machine that has none.</summary>
    public Func<MachineMemory, ICpuEngine>? ParavirtualizedEngine { get; init; }

    /// <summary>Makes the engine of C# guests, which asks for a domain's gate when it first enters it.</summary>
    public Func<Func<DomId, IGuestGate>, ICpuEngine>? ManagedEngine { get; init; }
}

/// <summary>
/// The hypervisor: owns machine memory, serves hypercalls, schedules domains on pCPUs. It knows nothing of disks, networks, consoles or
/// names of domains. Everything enters by hypercalls: guests through their engines, Dom0 through <see cref="Dom0"/>.
/// </summary>
public sealed class HypervisorCore : IDisposable, IDomainTraces, IDomainStatistics
{
    private readonly ManagedGate _dom0Gate;
    private readonly Domain?[] _handlers = new Domain?[VirtualIrqs.Count];

    public HypervisorCore(MachineOptions options)
    {
        Stepper = options.Stepper;
        Clock = Stepper?.Clock ?? options.Clock;
        Random = new MachineRandom(Stepper?.Random ?? options.Random);
        Domains = new DomainTable(Stepper);
        ControlLock = new FairLock(Stepper, "control");
        Memory = new MachineMemory(options.Frames);
        MachineToPhysical = new MachineToPhysical(Memory);
        Allocator = new FrameAllocator(MachineToPhysical.ReservedFrames, options.Frames - MachineToPhysical.ReservedFrames);
        Frames = new FrameTable(Memory, Allocator, Domains, Stepper);
        PageTypes = new PageTypes(this);
        Flushes = new TlbFlushes(this);
        Frames.FlushBeforeFree = Flushes.DropStale;
        Timekeeper = new Timekeeper(Clock, options.ManualTimers && Stepper is null, Stepper);
        Timekeeper.Failed += failure => Log.Write($"a timer failed: {failure}");
        var policy = SchedulerPolicies.Create(options.Scheduler) ?? throw new ArgumentException($"There is no scheduler {options.Scheduler}.", nameof(options));
        Scheduler = new Scheduler(Clock, Timekeeper, policy, options.PCpus, new VcpuLoop(this).Run, Stepper);
        PreemptionChooser = Stepper is null ? Scheduler.ShouldLeave : vcpu => Scheduler.ShouldLeave(vcpu) || Stepper.ChoosesPreemption();
        AsyncPollNanoseconds = options.ManualTimers || Stepper is not null ? 0 : options.AsyncPollNanoseconds;
        ParavirtualizedEngine = options.ParavirtualizedEngine?.Invoke(Memory);
        ManagedEngine = options.ManagedEngine?.Invoke(GateOf);
        _dom0Gate = DomainCreation.CreateDom0(this, options.Dom0Frames, options.Dom0MaptrackFrames);
        Log.Write($"Pv, {options.PCpus} pCPUs, {options.Frames >> 8} MiB, scheduler {policy.Name}");
        Scheduler.Start();
    }

    public MachineMemory Memory { get; }

    public IClock Clock { get; }

    public DomainTable Domains { get; }

    /// <summary>What <c>xl dmesg</c> shows.</summary>
    public MessageRing Log { get; } = new();

    /// <summary>Dom0's way in: host addresses for arguments, any thread.</summary>
    public IGuestGate Dom0 => _dom0Gate;

    /// <summary>An event is pending for Dom0. Raised on any thread, possibly inside the hypervisor: only signal here.</summary>
    public event Action? Dom0Upcall
    {
        add => _dom0Gate.Upcall += value;
        remove => _dom0Gate.Upcall -= value;
    }

    /// <summary>Frames that nobody has.</summary>
    public ulong FreeFrames => Allocator.FreeFrames;

    /// <summary>Steps the machine in deterministic mode; null otherwise.</summary>
    internal Stepper? Stepper { get; }

    internal MachineRandom Random { get; }

    internal FrameAllocator Allocator { get; }

    internal FrameTable Frames { get; }

    internal MachineToPhysical MachineToPhysical { get; }

    internal PageTypes PageTypes { get; }

    internal TlbFlushes Flushes { get; }

    internal HypercallTable Hypercalls { get; } = new();

    internal Timekeeper Timekeeper { get; }

    internal Scheduler Scheduler { get; }

    /// <summary>Whether a vCPU's pCPU is wanted, so that its long work shall stop. A test chooses otherwise, to stop work wherever it can stop.</summary>
    internal Func<Vcpu, bool> PreemptionChooser { get; set; }

    /// <summary>A test's: counts the work between two looks.</summary>
    internal WorkMeter? Meter { get; set; }

    /// <summary>How long the service of a queue looks for more before it sleeps. Where time stands still unless somebody moves it, it does not.</summary>
    internal ulong AsyncPollNanoseconds { get; set; }

    internal ICpuEngine? ParavirtualizedEngine { get; }

    internal ICpuEngine? ManagedEngine { get; }

    /// <summary>One domctl or sysctl at a time. Long ones give it back between stretches, and who waits then comes first.</summary>
    internal FairLock ControlLock { get; }

    public bool TrySwitch(DomId domain, bool on)
    {
        if (Domains.Find(domain) is not { } found)
            return false;
        found.Trace.Switch(on);
        return true;
    }

    /// <summary>
    /// Switches a domain's trace on for an observer that misses no call, however many there are. It is told of each when it has been served,
    /// before that vCPU runs on, so memory is as the call left it; one at a time, on the pCPU's thread and under the trace's lock: it calls
    /// nothing of the hypervisor's, and what it throws costs the domain. False when there is no such domain.
    /// </summary>
    public bool TryObserve(DomId domain, Action<TracedHypercall> observer)
    {
        if (Domains.Find(domain) is not { } found)
            return false;
        found.Trace.Switch(true, observer);
        return true;
    }

    public IReadOnlyList<VcpuStatistics>? Measure(DomId domain) => Domains.Find(domain) is { } found ? [.. found.OnlineVcpus.Select(Measure)] : null;

    private VcpuStatistics Measure(Vcpu vcpu)
    {
        var times = Scheduler.Snapshot(vcpu);
        return new VcpuStatistics(vcpu.Id, new Dictionary<Runstate, ulong>
        {
            [Runstate.Running] = times.Running, [Runstate.Runnable] = times.Runnable, [Runstate.Blocked] = times.Blocked, [Runstate.Offline] = times.Offline,
        }, vcpu.Counters.Read(), vcpu.Counters.Queue?.Read());
    }

    public IReadOnlyList<TracedHypercall>? Read(DomId domain) => Domains.Find(domain)?.Trace.Read();

    public TraceCounts? Count(DomId domain) => Domains.Find(domain)?.Trace.Count();

    /// <summary>
    /// Stops all guests, works the accounts of frames, event channels, grants and quotas out anew, and lets the guests go on. Returns what is wrong: the
    /// first findings in words, none when all is right. On any thread but a pCPU's.
    /// </summary>
    public IReadOnlyList<string> Audit()
    {
        using (ControlLock.Hold())
            return [.. new MachineAudit(this).StopAndLook().Words];
    }

    public void Dispose()
    {
        try
        {
            foreach (var domain in Domains.Snapshot())
            {
                if (domain.Kind != DomainKind.Control)
                    DomainDestruction.Destroy(domain);
            }
        }
        catch (MachineStuckException)
        {
            // A deadlock, which whoever stepped the machine has been told of.
            Stepper!.Abandon();
        }
        Scheduler.Dispose();
        Timekeeper.Dispose();
        (ParavirtualizedEngine as IDisposable)?.Dispose();
        (ManagedEngine as IDisposable)?.Dispose();
        Frames.Dispose();
        Memory.Dispose();
        Stepper?.End();
    }

    /// <summary>Raises a global virtual interrupt: Dom0 hears it.</summary>
    /// <summary>Raises an interrupt that concerns the machine, for Dom0 unless another domain handles it.</summary>
    internal void RaiseGlobal(VirtualIrq virq) => (Volatile.Read(ref _handlers[(int)virq]) ?? Domains.Find(DomId.Dom0))?.Events.RaiseVirq(virq, default);

    /// <summary>Has a domain handle an interrupt that concerns the machine. Under the control lock.</summary>
    internal void SetHandler(VirtualIrq virq, Domain domain) => Volatile.Write(ref _handlers[(int)virq], domain.Id == DomId.Dom0 ? null : domain);

    /// <summary>What a domain handled, Dom0 does again. Under the control lock.</summary>
    internal void ForgetHandler(Domain domain)
    {
        foreach (ref var handler in _handlers.AsSpan())
        {
            if (handler == domain)
                Volatile.Write(ref handler, null);
        }
    }

    internal IGuestGate GateOf(DomId id)
        => Domains.Find(id)?.Gate ?? throw new InvalidOperationException($"{id} has no gate: it is no auto-translated domain.");
}
