using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Events;
using Pv.Hypervisor.Grants;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Tracing;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary>How far a domain's life has come.</summary>
public enum DomainLife : byte
{
    Alive = 0,

    /// <summary>Being destroyed: takes no new frames, ports or mappings.</summary>
    Dying = 1,

    /// <summary>Nothing is left but frames that others still hold.</summary>
    Dead = 2,
}

/// <summary>A domain: memory, vCPUs, event channels, grants, and what the toolstack said of it.</summary>
/// <remarks>Locks, in the order in which they may be taken: see <see cref="LockOrder"/>.</remarks>
public sealed class Domain
{
    private const int NotShutDown = -1;

    private bool _hasStopped;
    private int _shutdown = NotShutDown;
    private int _pauseCount;
    private int _removed;

    internal Domain(HypervisorCore core, DomId id, DomainKind kind, DomainLimits limits, CpuPool pool)
    {
        Core = core;
        Id = id;
        Kind = kind;
        Limits = limits;
        PagingLock = new CoreLock(core.Stepper, $"the page tables of {id}");
        PageLock = new CoreLock(core.Stepper, $"the frames of {id}");
        Pool = pool;
        SchedulingGroup = pool.Policy.CreateGroup();
        Vcpus = new Vcpu?[limits.MaxVcpus];
        Services = new Vcpu?[limits.AsyncHypercalls ? limits.MaxVcpus : 0];
        Events = new EventChannels(this);
        Grants = new GrantTable(this, limits.MaxGrantFrames, limits.MaxMaptrackFrames);
        PhysicalMap = kind == DomainKind.Paravirtualized ? null : new PhysicalMap();
        Trace = new DomainTrace();
        Watchdogs = new Watchdogs(this);
        CreatedAt = core.Clock.Now;
    }

    public HypervisorCore Core { get; }

    public DomId Id { get; }

    public DomainKind Kind { get; }

    internal DomainLimits Limits { get; }

    /// <summary>The toolstack's handle of the domain: its UUID.</summary>
    public Guid Handle { get; internal set; }

    /// <summary>What <c>xl dmesg</c> calls the domain. The hypervisor knows no names, so this is <c>d1</c>.</summary>
    public string Label => Id.ToString();

    public DomainLife Life { get; private set; }

    internal bool IsDying => Life != DomainLife.Alive;

    /// <summary>It is at its end, and none of its vCPUs runs any more: nothing of it reaches memory by a translation or a walk.</summary>
    internal bool HasStopped
    {
        get => Volatile.Read(ref _hasStopped);
        set => Volatile.Write(ref _hasStopped, value);
    }

    /// <summary>Guards page tables, types under change, and the vCPUs' base pointers.</summary>
    internal CoreLock PagingLock { get; }

    /// <summary>Tables whose last use was given back, but which are not taken apart yet. The paging lock guards it.</summary>
    internal Queue<Mfn> UnfinishedTables { get; } = new();

    /// <summary>Guards the list of frames, the page counts and the physical map.</summary>
    internal CoreLock PageLock { get; }

    /// <summary>Frames of the domain's own memory.</summary>
    public ulong TotalPages { get; internal set; }

    /// <summary>The most it may have.</summary>
    public ulong MaxPages { get; internal set; }

    /// <summary>How many frames are put aside for it; see <see cref="Memory.FrameTable.Claim"/>.</summary>
    internal ulong ClaimedPages { get; set; }

    /// <summary>How it wants the time-stamp counter, and how often it was restored, from 1; as <c>settscinfo</c> said.</summary>
    internal (uint Mode, uint Incarnation) Tsc { get; set; } = (0, 1);

    /// <summary>What the toolstack chose of its processor; null while it has all that there is.</summary>
    internal ProcessorChoice? Processor { get; set; }

    /// <summary>The nodes that it shall believe in; null when the toolstack said nothing of such.</summary>
    internal VirtualNodes? VirtualNodes { get; set; }

    /// <summary>The toolstack has let it go once: what it is made of stays.</summary>
    internal bool HasBeenUnpaused { get; set; }

    /// <summary>The nodes from which its memory shall come, a bit each. There is one node.</summary>
    internal ulong Nodes { get; set; } = 1;

    /// <summary>The toolstack made it to run xenstored.</summary>
    internal bool IsXenStore { get; set; }

    /// <summary>A debugger watches it.</summary>
    internal bool IsDebugged { get; set; }

    /// <summary>The port that is rung when it suspends itself, in place of the toolstack's interrupt; 0 when there is none.</summary>
    internal EventPort SuspendPort { get; set; }

    /// <summary>By how many seconds its wall clock is off the host's.</summary>
    public long TimeOffset { get; internal set; }

    /// <summary>The entries of its memory map, 20 bytes each (<c>XENMEM_set_memory_map</c>); null until somebody said.</summary>
    internal byte[]? MemoryMap { get; set; }

    /// <summary>Frames that the hypervisor shares with it.</summary>
    internal int XenFrames;

    /// <summary>Frames that are in none of its lists any more, and not free yet.</summary>
    internal int FramesBeingFreed;

    /// <summary>The head of its list of frames; 0 when there is none.</summary>
    internal uint FirstFrame;

    /// <summary>The head of the list of those that the domain's end has gone over; see <see cref="Memory.FrameTable.PassOver"/>.</summary>
    internal uint FirstPassed;

    /// <summary>Extents that were the domain's and wait to be freed; see <see cref="Memory.FrameTable.Retire"/>. The page lock guards it.</summary>
    internal Queue<(Mfn First, int Order)> Retired { get; } = new();

    /// <summary>Its end, once somebody began with it. The control lock guards it.</summary>
    internal DomainDestruction? Destruction { get; set; }

    /// <summary>The map of an auto-translated domain; null for one that knows machine frames.</summary>
    internal PhysicalMap? PhysicalMap { get; }

    public Mfn SharedInfo { get; internal set; }

    public EventChannels Events { get; }

    internal GrantTable Grants { get; }

    public DomainTrace Trace { get; }

    internal Vcpu?[] Vcpus { get; }

    /// <summary>The vCPUs that serve the queues of <see cref="Vcpus"/>; empty when the domain may have none. The run queue's lock guards changes.</summary>
    internal Vcpu?[] Services { get; }

    /// <summary>Nanoseconds for which services ran that are gone. The run queue's lock guards it.</summary>
    internal ulong PastServiceTime { get; set; }

    internal ICpuDomain? Engine { get; set; }

    /// <summary>Dom0's and C# guests' way in; null for a real kernel.</summary>
    internal ManagedGate? Gate { get; set; }

    internal bool IsPrivileged => Id == DomId.Dom0;

    /// <summary>The <see cref="VmAssistType"/> bits that are on.</summary>
    internal ulong VmAssist { get; set; }

    /// <summary>The log says already that hardware breakpoints do nothing.</summary>
    internal bool WasWarnedOfBreakpoints { get; set; }

    /// <summary>The pCPUs and the scheduler that it runs on. The run queue's lock guards changes.</summary>
    internal CpuPool Pool { get; set; }

    /// <summary>What the pool's policy keeps for the domain: weight, cap.</summary>
    internal SchedulingGroup SchedulingGroup { get; set; }

    /// <summary>System time at creation.</summary>
    public ulong CreatedAt { get; }

    /// <summary>Why it shut itself down, when it did. It is then as good as paused until the toolstack acts.</summary>
    public ShutdownReason? Shutdown
    {
        // One word, so that nobody sees that it has shut down and not yet why.
        get => Volatile.Read(ref _shutdown) is var reason && reason != NotShutDown ? (ShutdownReason)reason : null;
        private set => Volatile.Write(ref _shutdown, value is { } reason ? (int)reason : NotShutDown);
    }

    /// <summary>What the guest wants its next shutdown called, whoever causes it (<c>SCHEDOP_shutdown_code</c>). The page lock guards it.</summary>
    internal ShutdownReason? ShutdownCode { get; set; }

    /// <summary>A bit for each number of a physical interrupt that the guest was given; the page lock guards it.</summary>
    internal ulong TakenPirqs;

    internal Watchdogs Watchdogs { get; }

    /// <summary>How often the toolstack paused it and did not unpause it again (not counting the hypervisor's own short pauses).</summary>
    public int ToolstackPauses { get; internal set; }

    internal bool MayRun => Volatile.Read(ref _pauseCount) == 0 && Shutdown is null && Life == DomainLife.Alive;

    /// <summary>The vCPU of that number; null when it was not made.</summary>
    internal Vcpu? FindVcpu(VcpuId id) => id.Value < (uint)Vcpus.Length ? Vcpus[id.Value] : null;

    internal IEnumerable<Vcpu> OnlineVcpus => Vcpus.OfType<Vcpu>();

    /// <summary>Everything of the domain's that pCPUs run: its vCPUs, and the services of their queues.</summary>
    internal IEnumerable<Vcpu> Scheduled => Services.Length == 0 ? OnlineVcpus : OnlineVcpus.Concat(Services.OfType<Vcpu>());

    internal bool HasAssist(VmAssistType type) => (VmAssist >> (int)type & 1) != 0;

    /// <summary>Stops the domain's vCPUs and, unless called from one of them, waits until none runs. Pauses nest.</summary>
    internal void Pause(Vcpu? caller = null)
    {
        Interlocked.Increment(ref _pauseCount);
        foreach (var vcpu in Scheduled)
        {
            if (vcpu == caller)
                Core.Scheduler.Sleep(vcpu);
            else
                Core.Scheduler.SleepSync(vcpu);
        }
    }

    internal void Unpause()
    {
        if (Interlocked.Decrement(ref _pauseCount) != 0)
            return;
        foreach (var vcpu in Scheduled)
            Core.Scheduler.Wake(vcpu);
    }

    /// <summary>The domain stops for good with a reason; the toolstack is told. The first reason counts.</summary>
    internal void ShutDown(ShutdownReason reason, Vcpu? caller)
    {
        using (PageLock.Hold())
        {
            if (Shutdown is not null)
                return;
            // The reason is a guest's word; the toolstack sees eight bits of it, as Xen keeps them. A code that was set before counts more.
            Shutdown = (ShutdownReason)(byte)(ShutdownCode ?? reason);
            ShutdownCode = null;
        }
        foreach (var vcpu in Scheduled)
        {
            if (vcpu != caller)
                Core.Scheduler.Sleep(vcpu);
        }
        if (Shutdown != ShutdownReason.Suspend || SuspendPort.Value == 0 || Events.Send(SuspendPort) != Errno.None)
            Core.RaiseGlobal(VirtualIrq.DomainException);
    }

    /// <summary>Lets a shut-down domain go on (<c>XEN_DOMCTL_resumedomain</c>).</summary>
    internal void Resume()
    {
        using (PageLock.Hold())
        {
            Shutdown = null;
            ShutdownCode = null;
        }
        foreach (var vcpu in Scheduled)
            Core.Scheduler.Wake(vcpu);
    }

    /// <summary>Begins or finishes the domain's end; see <see cref="DomainDestruction"/>.</summary>
    internal void Enter(DomainLife life)
    {
        using (PageLock.Hold())
            Life = life;
    }

    /// <summary>One of its frames became free: a dead domain goes with its last one.</summary>
    internal void FrameFreed()
    {
        if (Life != DomainLife.Dead)
            return;
        using (PageLock.Hold())
        {
            // Who sees that it is gone finds its frames free: the last one to be so says it, whoever took it out of the list last.
            if (TotalPages != 0 || Volatile.Read(ref XenFrames) != 0 || Volatile.Read(ref FramesBeingFreed) != 0)
                return;
        }
        if (Interlocked.Exchange(ref _removed, 1) != 0)
            return;
        Core.Domains.Remove(this);
        Core.RaiseGlobal(VirtualIrq.DomainException);
    }
}

/// <summary>What a domain's code is, and so which of the ABI's forms it uses.</summary>
public enum DomainKind : byte
{
    /// <summary>A real 64-bit PV kernel on machine frames.</summary>
    Paravirtualized,

    /// <summary>A C# kernel: auto-translated, entered by turns.</summary>
    Managed,

    /// <summary>Dom0: part of this process, auto-translated, not scheduled on pCPUs.</summary>
    Control,
}

/// <summary>The limits that <c>XEN_DOMCTL_createdomain</c> sets for a domain's life.</summary>
internal readonly record struct DomainLimits(int MaxVcpus, uint MaxEventPort, uint MaxGrantFrames, uint MaxMaptrackFrames, uint MaxGrantVersion = DomainLimits.HighestGrantVersion,
    bool AsyncHypercalls = false)
{
    public const uint HighestGrantVersion = 2;

    public static readonly DomainLimits Default = new(1, 1023, 64, 1024);
}
