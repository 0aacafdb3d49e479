using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.Cpu.Managed;

/// <summary>The vCPU of a C# guest. It has one; a second cannot be brought up.</summary>
internal sealed class ManagedVcpu : ICpuVcpu
{
    private const ulong NotWanted = 0;

    private readonly ManagedEngine _engine;
    private readonly DomId _domain;
    private readonly VcpuId _vcpu;
    private readonly ICpuHost _host;
    private IGuestGate? _gate;
    private IManagedKernel? _kernel;
    private ulong _wantedSince;
    private bool _named;
    private volatile bool _isInside;

    public ManagedVcpu(ManagedEngine engine, DomId domain, VcpuId vcpu, ICpuHost host)
    {
        _engine = engine;
        _domain = domain;
        _vcpu = vcpu;
        _host = host;
    }

    /// <summary>Always 0: what a C# kernel executes is the host's business.</summary>
    public ulong InstructionsRetired => 0;

    public CpuExit Run(ref GuestRegisters registers)
    {
        if (_vcpu.Value != 0)
            throw new GuestCrashException($"a C# guest runs on vCPU 0 only, not on {_vcpu}");
        _isInside = true;
        try
        {
            if (_kernel is null)
                Start();
            var outcome = _kernel!.RunTurns();
            return outcome == TurnOutcome.Idle ? CpuExit.Blocked : CpuExit.Preempted;
        }
        catch (Exception failure) when (failure is not (GuestCrashException or OutOfMemoryException))
        {
            throw new GuestCrashException($"the kernel threw {failure.GetType().Name}: {failure.Message}", failure);
        }
        finally
        {
            NameIfLate();
            _isInside = false;
            Volatile.Write(ref _wantedSince, NotWanted);
            _named = false;
        }
    }

    /// <summary>
    /// A C# kernel looks at <see cref="IGuestGate.YieldRequested"/> by itself. What is done here is to notice one that does not.
    /// Reads the time-stamp counter on the caller's thread.
    /// </summary>
    public void Kick()
    {
        if (Volatile.Read(ref _gate) is not { YieldRequested: true })
            return;
        if (Interlocked.CompareExchange(ref _wantedSince, Math.Max(1, _host.ReadTsc()), NotWanted) != NotWanted)
            NameIfLate();
        else if (!_isInside)
            // It left meanwhile, and is not to be blamed for this when it runs again.
            Volatile.Write(ref _wantedSince, NotWanted);
    }

    public void FlushTlb()
    {
        // A C# kernel has no translations.
    }

    public void FlushPage(ulong linearAddress)
    {
        // As above.
    }

    public void Dispose()
    {
        _kernel = null;
    }

    private void Start()
    {
        Volatile.Write(ref _gate, _engine.GateOf(_domain));
        _kernel = _engine.Start(_domain);
    }

    private void NameIfLate()
    {
        var since = Volatile.Read(ref _wantedSince);
        if (since == NotWanted)
            return;
        var now = _host.ReadTsc();
        if (now > since && now - since >= _engine.OverrunTicks && !Interlocked.Exchange(ref _named, true))
            _engine.NoteOverrun(_domain, now - since);
    }
}
