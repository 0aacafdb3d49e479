using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Tests.Guest;

/// <summary>
/// Just enough of a hypervisor to try the mini kernel against without one: frames, interdomain event channels, the timer, shutdown.
/// One thread; time stands still unless a test moves it.
/// </summary>
internal sealed class FakeMachine : IDisposable
{
    private const ulong FramesPerDomain = 64;

    private readonly Dictionary<DomId, FakeGate> _gates = [];

    public FakeMachine(int domains = 2)
    {
        Memory = new MachineMemory(FramesPerDomain * (ulong)domains);
        for (ushort id = 0; id < domains; id++)
            _gates.Add(new DomId(id), new FakeGate(this, new DomId(id), new Mfn(id * FramesPerDomain), FramesPerDomain));
    }

    public MachineMemory Memory { get; }

    /// <summary>System time, in nanoseconds; the counter runs at the same rate.</summary>
    public ulong Now { get; set; } = 1_000_000_000;

    /// <summary>Every call that was made.</summary>
    public List<HypercallNumber> Calls { get; } = [];

    public FakeGate this[int domain] => _gates[new DomId((ushort)domain)];

    public FakeGate this[DomId domain] => _gates[domain];

    public void Dispose() => Memory.Dispose();
}

/// <summary>A domain of the fake machine. Domain 0 passes host addresses, as Dom0 does.</summary>
internal sealed class FakeGate : IGuestGate
{
    public static readonly Pfn StartPage = new(60), SharedInfoFrame = new(61), ConsoleFrame = new(62), StoreFrame = new(63);

    private readonly FakeMachine _machine;
    private readonly Mfn _first;
    private readonly Dictionary<uint, (DomId Remote, uint Port)> _ports = [];
    private readonly SharedPage _shared;
    private readonly SharedInfoPage _sharedInfo;
    private uint _nextPort = 1;
    private uint _timerPort;
    private ulong _deadline;
    private Pfn _sharedInfoMapping = Pfn.Invalid;

    public FakeGate(FakeMachine machine, DomId domain, Mfn first, ulong frames)
    {
        _machine = machine;
        _first = first;
        Domain = domain;
        InitialFrames = frames;
        TakesHostAddresses = domain == DomId.Dom0;
        _shared = Page(SharedInfoFrame);
        _sharedInfo = new SharedInfoPage(_shared);
        _shared.WriteByteRelease(SharedInfoLayout.UpcallMask, 1);
        Start = new StartInfo { SharedInfo = SharedInfoFrame.Address };
        WriteTime();
    }

    public DomId Domain { get; }

    public ulong InitialFrames { get; }

    public Pfn StartInfo => StartPage;

    public bool YieldRequested { get; set; }

    /// <summary>Arguments are host addresses: Dom0's way.</summary>
    public bool TakesHostAddresses { get; set; }

    public string? CrashReason { get; private set; }

    public ShutdownReason? Shutdown { get; private set; }

    /// <summary>The start page; write it back with <see cref="PutStart"/>.</summary>
    public StartInfo Start;

    /// <summary>An event is to be delivered.</summary>
    public event Action? Upcall;

    /// <summary>Some port was raised, masked or not.</summary>
    public event Action? Raised;

    public void PutStart() => Page(StartPage).CopyFrom(0, MemoryMarshal.AsBytes(new ReadOnlySpan<StartInfo>(in Start)));

    public SharedPage Page(Pfn pfn)
    {
        if (pfn == _sharedInfoMapping)
            pfn = SharedInfoFrame;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pfn.Value, InitialFrames, nameof(pfn));
        return new SharedPage(_machine.Memory, _first.Plus(pfn.Value));
    }

    public ulong ReadTsc() => _machine.Now;

    public void Crash(string reason) => CrashReason ??= reason;

    /// <summary>Lets a timer go off whose time has come.</summary>
    public void RunTimer()
    {
        if (_deadline == 0 || _deadline > _machine.Now)
            return;
        _deadline = 0;
        SetPending(_timerPort);
    }

    /// <summary>Connects a port of this domain with one of another, as the toolstack does before a guest starts.</summary>
    public uint Connect(FakeGate other)
    {
        var port = _nextPort++;
        var remote = other._nextPort++;
        _ports.Add(port, (other.Domain, remote));
        other._ports.Add(remote, (Domain, port));
        return port;
    }

    public uint PeerOf(uint port) => _ports[port].Port;

    /// <summary>An event for a port of this domain.</summary>
    public void Raise(uint port) => SetPending(port);

    public long Call(HypercallRegisters registers)
    {
        var number = (HypercallNumber)registers.Number;
        _machine.Calls.Add(number);
        return number switch
        {
            HypercallNumber.XenVersion => 0x0004_0011,
            HypercallNumber.EventChannelOp => EventChannel((EventChannelOperation)registers.First, registers.Second),
            HypercallNumber.MemoryOp when registers.First == (ulong)MemoryOperation.AddToPhysmap => MapSharedInfo(registers.Second),
            HypercallNumber.SetTimerOp => SetTimer(registers.First),
            HypercallNumber.SchedOp when registers.First == (ulong)SchedOperation.Shutdown => ShutDown(registers.Second),
            HypercallNumber.Multicall => Multicall(registers.First, registers.Second),
            _ => Errno.ENOSYS.ToReturn(),
        };
    }

    private long EventChannel(EventChannelOperation operation, ulong address)
    {
        switch (operation)
        {
            case EventChannelOperation.BindVirq:
                var virq = Read<EventChannelBindVirq>(address);
                _timerPort = _nextPort++;
                Write(address, virq with { Port = new EventPort(_timerPort) });
                return 0;
            case EventChannelOperation.AllocUnbound:
                var unbound = Read<EventChannelAllocUnbound>(address);
                var port = _nextPort++;
                _ports.Add(port, (unbound.RemoteDomain, 0));
                Write(address, unbound with { Port = new EventPort(port) });
                return 0;
            case EventChannelOperation.BindInterdomain:
                return Bind(address);
            case EventChannelOperation.Send:
                return Send(Read<EventChannelSend>(address).Port);
            case EventChannelOperation.Unmask:
                return Unmask(Read<EventChannelUnmask>(address).Port.Value);
            case EventChannelOperation.Close:
                return _ports.Remove(Read<EventChannelClose>(address).Port.Value) ? 0 : Errno.EINVAL.ToReturn();
            default:
                return Errno.ENOSYS.ToReturn();
        }
    }

    private long Bind(ulong address)
    {
        var bind = Read<EventChannelBindInterdomain>(address);
        var remote = _machine[bind.RemoteDomain];
        if (!remote._ports.TryGetValue(bind.RemotePort.Value, out var end) || end != (Domain, 0u))
            return Errno.EINVAL.ToReturn();
        var port = _nextPort++;
        _ports.Add(port, (bind.RemoteDomain, bind.RemotePort.Value));
        remote._ports[bind.RemotePort.Value] = (Domain, port);
        Write(address, bind with { LocalPort = new EventPort(port) });
        SetPending(port);
        return 0;
    }

    private long Send(EventPort port)
    {
        if (!_ports.TryGetValue(port.Value, out var peer))
            return Errno.EINVAL.ToReturn();
        if (peer.Port != 0)
            _machine[peer.Remote].SetPending(peer.Port);
        return 0;
    }

    private long Unmask(uint port)
    {
        _sharedInfo.ClearMask(new EventPort(port));
        if (_sharedInfo.IsPending(new EventPort(port)))
            Select(port);
        return 0;
    }

    private void SetPending(uint port)
    {
        Raised?.Invoke();
        _shared.OrUInt64(SharedInfoLayout.Pending + ((int)port / 64 * 8), 1UL << ((int)port % 64));
        if (!_sharedInfo.IsMasked(new EventPort(port)))
            Select(port);
    }

    private void Select(uint port)
    {
        _shared.OrUInt64(SharedInfoLayout.PendingSelector, 1UL << ((int)port / 64));
        _shared.WriteByteRelease(SharedInfoLayout.UpcallPending, 1);
        Upcall?.Invoke();
    }

    private long MapSharedInfo(ulong address)
    {
        var add = Read<AddToPhysmap>(address);
        if (add.Space != PhysmapSpace.SharedInfo)
            return Errno.ENOSYS.ToReturn();
        _sharedInfoMapping = add.Gpfn;
        return 0;
    }

    private long SetTimer(ulong deadline)
    {
        _deadline = deadline;
        return 0;
    }

    private long ShutDown(ulong address)
    {
        Shutdown = Read<SchedShutdown>(address).Reason;
        return 0;
    }

    private long Multicall(ulong address, ulong count)
    {
        for (ulong i = 0; i < count; i++)
        {
            var at = address + (i * MulticallEntry.WireSize);
            var entry = Read<MulticallEntry>(at);
            entry.Result = Call(new HypercallRegisters(entry.Operation, entry.Arguments[0], entry.Arguments[1], entry.Arguments[2]));
            Write(at, entry);
        }
        return 0;
    }

    private void WriteTime()
    {
        var time = new VcpuTimeInfo { Version = 2, TscToSystemMultiplier = 1u << 31, TscShift = 1 };
        _shared.CopyFrom(SharedInfoLayout.Time, MemoryMarshal.AsBytes(new ReadOnlySpan<VcpuTimeInfo>(in time)));
    }

    private T Read<T>(ulong address) where T : unmanaged
    {
        var value = default(T);
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        if (TakesHostAddresses)
            HostAddress.Read(address, bytes);
        else
            Page(Pfn.OfAddress(address)).CopyTo((int)(address & PageSize.OffsetMask), bytes);
        return value;
    }

    private void Write<T>(ulong address, T value) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        if (TakesHostAddresses)
            HostAddress.Write(address, bytes);
        else
            Page(Pfn.OfAddress(address)).CopyFrom((int)(address & PageSize.OffsetMask), bytes);
    }
}
