using Pv.Abi;
using Pv.Cpu;
using Pv.Hypervisor.Asynchronous;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Paging;
using Pv.Hypervisor.Scheduling;
using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;
using Pv.Hypervisor.Tracing;
using Pv.Hypervisor.Traps;

namespace Pv.Hypervisor.Domains;

/// <summary>A virtual CPU: registers, the state of its traps, where its vcpu_info is, and why it may not run.</summary>
/// <remarks>
/// Registers and trap state belong to the pCPU thread that runs the vCPU, or, while it is stopped, to whoever stopped it.
/// Flags that others set are atomic.
/// </remarks>
public sealed class Vcpu : IPreemptible
{
    private GuestRegisters _registers;
    private int _blocked, _pauseCount;
    private volatile bool _online;
    private int _flushPending;
    private bool _inGuest;

    internal Vcpu(Domain domain, VcpuId id)
    {
        Domain = domain;
        Id = id;
        VcpuInfoAddress = domain.SharedInfo.Address + id.Value * VcpuInfo.WireSize;
        Runstate = new RunstateClock(domain.Core.Clock.Now);
        Timers = new VcpuTimers(this);
        Walks = new TableWalks(domain.Core.Stepper, areAwaitedOften: domain.Vcpus.Length > 1);
        Pacer = domain.Core.Stepper is { } stepper ? new VcpuPacer(stepper) : null;
        Counters = new VcpuCounters(isShared: domain.Kind == DomainKind.Control);
        domain.Core.Scheduler.Add(this);
    }

    /// <summary>The vCPU that serves another one's queue. It runs none of the guest's code; who makes it gives it to the scheduler.</summary>
    internal Vcpu(Vcpu owner, AsyncQueue queue)
    {
        Domain = owner.Domain;
        Id = owner.Id;
        Queue = queue;
        Runstate = new RunstateClock(Domain.Core.Clock.Now);
        Timers = new VcpuTimers(this);
        Walks = new TableWalks(Domain.Core.Stepper, areAwaitedOften: true);
        Counters = new VcpuCounters(isShared: false);
        _blocked = 1;
        _online = true;
    }

    public Domain Domain { get; }

    public VcpuId Id { get; }

    /// <summary>The queue that this one serves; null for a vCPU of the guest's.</summary>
    internal AsyncQueue? Queue { get; }

    internal ref GuestRegisters Registers => ref _registers;

    internal ICpuVcpu? Engine { get; set; }

    internal SchedulingUnit Unit { get; set; } = null!;

    internal RunstateClock Runstate { get; }

    internal TrapState Traps { get; } = new();

    internal VcpuTimers Timers { get; }

    internal VcpuCounters Counters { get; }

    /// <summary>Whether its pCPU is wanted by somebody else: long work for it stops at the next whole step.</summary>
    internal bool IsWanted
    {
        get
        {
            Domain.Core.Meter?.Look();
            return Domain.Core.PreemptionChooser(this);
        }
    }

    bool IPreemptible.IsWantedAfter(int entries) => IsWanted;

    /// <summary>Says how far its code goes before others may run, in deterministic mode; null otherwise.</summary>
    internal VcpuPacer? Pacer { get; }

    /// <summary>In deterministic mode: what its code did since the last time becomes time.</summary>
    internal void CountInstructions() => Pacer?.Count(Engine!.InstructionsRetired);

    /// <summary>Where the guest wants its runstate kept up to date, a virtual address; 0 when nowhere.</summary>
    internal ulong RunstateArea { get; set; }

    /// <summary>Has the guest given this vCPU a state to start from.</summary>
    internal bool IsInitialised { get; set; }

    /// <summary>The machine address of the vCPU's <c>struct vcpu_info</c>.</summary>
    internal ulong VcpuInfoAddress { get; set; }

    internal bool HasOwnVcpuInfo => _infoFrame is not null;

    internal ref VcpuInfo Info => ref Domain.Core.Memory.At<VcpuInfo>(VcpuInfoAddress);

    /// <summary>The port that <c>SCHEDOP_poll</c> waits for, -1 when it waits for several, 0 when it does not.</summary>
    internal volatile int PolledPort;

    /// <summary>The guest's frame that holds the vcpu_info, with a reference and as writable; null while it is in shared_info.</summary>
    private Mfn? _infoFrame;

    /// <summary>Moves the vcpu_info into a frame whose references the caller took. The vCPU itself calls, or is stopped.</summary>
    internal void MoveInfo(Mfn frame, uint offset)
    {
        var old = Info;
        _infoFrame = frame;
        VcpuInfoAddress = frame.Address + offset;
        Domain.Core.Memory.Marks.NoteWrite(frame);
        ref var info = ref Info;
        info = old;
        // Events that came during the move went to the old place: let the guest look at everything once.
        info.PendingSelector = ulong.MaxValue;
        Volatile.Write(ref info.UpcallPending, 1);
        PvClock.WriteTime(ref info.Time);
    }

    /// <summary>Gives back what <see cref="MoveInfo"/> was given. The domain is at its end.</summary>
    internal void ReleaseInfo()
    {
        if (_infoFrame is not { } frame)
            return;
        VcpuInfoAddress = Domain.SharedInfo.Address + Id.Value % (uint)SharedInfoLimits.VcpuCount * VcpuInfo.WireSize;
        _infoFrame = null;
        HeldFrames.Release(Domain, frame);
    }

    private int _nmiPending;

    /// <summary>Sends an NMI. It is taken when the vCPU goes to guest code next, unless it is still in the handler of one.</summary>
    internal void RaiseNmi()
    {
        Interlocked.Exchange(ref _nmiPending, 1);
        Kick();
    }

    /// <summary>Whether an NMI came that the vCPU can take.</summary>
    internal bool HasNmi => Volatile.Read(ref _nmiPending) != 0 && !Traps.InNmiHandler;

    /// <summary>Takes the NMI. On the thread that runs the vCPU.</summary>
    internal void TakeNmi() => Interlocked.Exchange(ref _nmiPending, 0);

    /// <summary>Yields in a row with nothing else to do, see <see cref="VcpuLoop"/>.</summary>
    internal int IdleYields;

    /// <summary>Blocked because it only polls: any event wakes it, even one that is pending or masked already.</summary>
    internal volatile bool IsResting;

    /// <summary>The value of the frame table's flush clock at the last full flush of this vCPU's translations.</summary>
    internal ulong FlushedAt;

    internal bool IsOnline
    {
        get => _online;
        set => _online = value;
    }

    internal bool IsBlocked => Volatile.Read(ref _blocked) != 0;

    internal bool IsRunnable => _online && Volatile.Read(ref _blocked) == 0 && Volatile.Read(ref _pauseCount) == 0 && Domain.MayRun;

    /// <summary>The runstate of this vCPU when it neither runs nor waits to.</summary>
    internal Runstate StoppedState => IsBlocked && _online && Domain.MayRun ? Abi.Runstate.Blocked : Abi.Runstate.Offline;

    /// <summary>An upcall is due: something is pending and the guest has not masked events.</summary>
    internal bool HasUpcall
    {
        get
        {
            ref var info = ref Info;
            return Volatile.Read(ref info.UpcallPending) != 0 && Volatile.Read(ref info.UpcallMask) == 0;
        }
    }

    /// <summary>Marks the vCPU blocked. The caller looks again for what it would wait for, after this.</summary>
    internal void Block() => Interlocked.Exchange(ref _blocked, 1);

    /// <summary>Inside <c>SCHEDOP_poll</c>. The vCPU's own thread alone.</summary>
    internal bool IsPolling { get; set; }

    /// <summary>Whether what a poll waits for has come: its port, or its time.</summary>
    internal bool PollIsOver() => IsPolling && PolledPort == 0;

    /// <summary>The poll, if there was one, is over. On the thread that runs the vCPU.</summary>
    internal void EndPoll()
    {
        if (!IsPolling)
            return;
        IsPolling = false;
        PolledPort = 0;
        Timers.EndPoll();
    }

    /// <summary>Takes the mark away. True when it was there.</summary>
    internal bool Unblock() => Interlocked.Exchange(ref _blocked, 0) != 0;

    /// <summary>An event came, or a timer: a blocked vCPU wakes, a running one looks.</summary>
    internal void Kick()
    {
        // What came is written before the mark is read, as a vCPU marks itself before it looks. The mark of one that runs is not taken from its cache.
        Interlocked.MemoryBarrier();
        if (IsBlocked && Unblock())
            Domain.Core.Scheduler.Wake(this);
        else if (Unit.RunningOn >= 0 && !VcpuLoop.IsCurrent(this))
            Engine?.Kick();
    }

    internal void Pause()
    {
        Interlocked.Increment(ref _pauseCount);
        Domain.Core.Scheduler.SleepSync(this);
    }

    internal void Unpause()
    {
        if (Interlocked.Decrement(ref _pauseCount) == 0)
            Domain.Core.Scheduler.Wake(this);
    }

    /// <summary>Has the vCPU forget its translations before it runs guest code again. Any thread; takes effect at once if it does not run.</summary>
    internal void RequestFlush()
    {
        // A full fence, too: whoever asks looks next whether guest code runs, while that vCPU announces itself and then looks here.
        Interlocked.Exchange(ref _flushPending, 1);
        if (Unit.RunningOn >= 0 && !VcpuLoop.IsCurrent(this))
            Engine?.Kick();
    }

    /// <summary>Does a requested flush. On the thread that is about to run the vCPU.</summary>
    internal void FlushIfRequested()
    {
        if (Volatile.Read(ref _flushPending) != 0 && Interlocked.Exchange(ref _flushPending, 0) != 0)
            FlushNow();
    }

    /// <summary>Guest code runs, or is about to: translations may be in use.</summary>
    internal bool InGuest
    {
        get => Volatile.Read(ref _inGuest);
        private set => Volatile.Write(ref _inGuest, value);
    }

    /// <summary>
    /// Announces that guest code is about to run. False when a flush was asked for meanwhile: whoever asked may count on it that the vCPU
    /// flushes first.
    /// </summary>
    internal bool TryEnterGuest()
    {
        InGuest = true;
        Interlocked.MemoryBarrier();
        if (!FlushIsPending)
        {
            KnownPages.Forget();
            return true;
        }
        InGuest = false;
        return false;
    }

    internal void LeaveGuest() => InGuest = false;

    /// <summary>
    /// For a call of the engine's that must take a lock: whoever holds it may be waiting for this vCPU to leave its guest's code. When the scope
    /// ends, what was asked to be flushed meanwhile is.
    /// </summary>
    internal OutOfGuest StepOutOfGuest() => new(this);

    internal readonly ref struct OutOfGuest
    {
        private readonly Vcpu? _inside;

        public OutOfGuest(Vcpu vcpu)
        {
            if (!vcpu.InGuest)
                return;
            _inside = vcpu;
            vcpu.LeaveGuest();
        }

        public void Dispose()
        {
            if (_inside is not { } vcpu)
                return;
            do
                vcpu.FlushIfRequested();
            while (!vcpu.TryEnterGuest());
        }
    }

    /// <summary>Walks of this vCPU's page tables by the hypervisor itself.</summary>
    internal TableWalks Walks { get; }

    /// <summary>Where they led since guest code ran last.</summary>
    internal KnownPages KnownPages { get; } = new();

    internal bool FlushIsPending => Volatile.Read(ref _flushPending) != 0;

    internal void FlushNow()
    {
        FlushedAt = Domain.Core.Frames.TickFlushClock();
        Engine?.FlushTlb();
        KnownPages.Forget();
    }

    /// <summary>Forgets one translation. On the thread that runs the vCPU.</summary>
    internal void FlushPageNow(ulong address)
    {
        Engine?.FlushPage(address);
        KnownPages.Forget();
    }

    public override string ToString() => Queue is null ? $"{Domain.Id}{Id}" : $"{Domain.Id}{Id}'s queue";
}
