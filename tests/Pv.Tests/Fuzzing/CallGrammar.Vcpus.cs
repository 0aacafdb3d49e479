using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// vcpu_op, sched_op, timers.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] VcpuRules =
    [
        new(8, grammar => grammar.VcpuCall()), new(1, grammar => grammar.Initialise()), new(3, grammar => grammar.RegisterInfo()), new(2, grammar => grammar.SetTimer()),
        new(3, grammar => grammar.Poll()), new(3, grammar => grammar.SchedCall()),
    ];

    private void Vcpu(VcpuOperation operation, ulong address) => Call(FuzzLabels.Vcpus[Math.Min((int)operation, 15)], HypercallNumber.VcpuOp, (ulong)operation,
        _dice.OneIn(10) ? Odd() : operation == VcpuOperation.Initialise ? Uninitialised() : VcpuNumber(), address);

    /// <summary>Mostly a vCPU that has no state yet, where there is one.</summary>
    private uint Uninitialised()
    {
        var last = (uint)(_self is { } self ? self.Domain.Vcpus.Length - 1 : 0);
        return _dice.OneIn(4) ? VcpuNumber() : last;
    }

    private void VcpuCall()
    {
        var operation = (VcpuOperation)(_dice.OneIn(30) ? 14 + _dice.Below(20) : 1 + _dice.Below(13));
        ulong address;
        switch (operation)
        {
            case VcpuOperation.RegisterVcpuInfo:
                RegisterInfo();
                return;
            case VcpuOperation.SetPeriodicTimer:
                address = Put(0, new VcpuSetPeriodicTimer { Period = _dice.OneIn(2) ? 1_000_000 + (ulong)_dice.Below(1 << 30) : Odd() });
                break;
            case VcpuOperation.SetSingleShotTimer:
                address = Put(0, new VcpuSetSingleShotTimer { Timeout = Odd(), Flags = (SingleShotTimerFlags)_dice.Below(3) });
                break;
            case VcpuOperation.RegisterRunstateMemoryArea or VcpuOperation.RegisterVcpuTimeMemoryArea:
                address = Put(0, new VcpuRegisterRunstateMemoryArea { Address = _dice.OneIn(3) ? Linear() : _dice.OneIn(3) ? 0 : Where(0x40) });
                break;
            case VcpuOperation.SendNmi:
                address = _dice.OneIn(3) ? 1ul : 0;
                break;
            default:
                address = Where(0);
                break;
        }
        Vcpu(operation, address);
    }

    private void RegisterInfo() => Vcpu(VcpuOperation.RegisterVcpuInfo, Put(0, new VcpuRegisterVcpuInfo
    {
        Mfn = Frame(FrameUse.Data), Offset = _dice.Of(0u, 64u, 128u, 4032u, 4033u, 4040u, 4u, uint.MaxValue), Reserved = (uint)_dice.Below(2),
    }));

    /// <summary>A vCPU's first state is larger than an entry of a multicall may have.</summary>
    private void Initialise()
    {
        if (_offset != 0)
        {
            VcpuCall();
            return;
        }
        var context = new VcpuGuestContext { Flags = (VcpuContextFlags)_dice.Of(0ul, 4ul, 0x24ul, Odd()) };
        context.ControlRegisters[3] = Base(MmuExtOperation.NewBasePointer).Address | (_dice.OneIn(10) ? Odd() : 0);
        context.ControlRegisters[1] = _dice.OneIn(3) ? Frame(FrameUse.L4).Address : 0;
        context.GdtEntries = _dice.OneIn(3) ? (ulong)_dice.Below(1200) : _dice.OneIn(10) ? Odd() : 0;
        for (var i = 0; i < 3; i++)
            context.GdtFrames[i] = Frame(FrameUse.Data).Value;
        (context.LdtBase, context.LdtEntries) = _dice.OneIn(4) ? (Linear(), (ulong)_dice.Of(0u, 1u, 512u, 8192u, 8193u)) : (0, 0);
        context.KernelSp = _dice.OneIn(10) ? Odd() : 0;
        context.EventCallback = _dice.OneIn(10) ? Odd() : 0;
        context.DebugRegisters[_dice.Below(8)] = Odd();
        Vcpu(VcpuOperation.Initialise, Put(0, context));
        _made = _made with { IsSimple = false };
    }

    private void SetTimer() => Call(FuzzLabels.Calls[(int)HypercallNumber.SetTimerOp], HypercallNumber.SetTimerOp, _dice.OneIn(2) ? _core.Clock.Now + (ulong)_dice.Below(1 << 20) : Odd());

    private void Poll()
    {
        const int ports = 0x40;
        var count = 1 + _dice.Below(3);
        for (var i = 0; i < count; i++)
            Image(ports + i * 4, Port());
        Call(FuzzLabels.Sched[(int)SchedOperation.Poll], HypercallNumber.SchedOp, (ulong)SchedOperation.Poll, Put(0, new SchedPoll
        {
            Ports = Where(ports), PortCount = _dice.OneIn(10) ? _dice.Of(0u, 128u, 129u, uint.MaxValue) : (uint)count, Timeout = _dice.OneIn(4) ? Odd() : _core.Clock.Now + 1000 + (ulong)_dice.Below(100_000),
        }));
    }

    private void SchedCall()
    {
        var operation = (SchedOperation)(_dice.OneIn(10) ? _dice.Below(12) : _dice.Of(0, 0, 1, 4, 5, 6, 6, 7));
        if (_dice.OneIn(40))
            operation = SchedOperation.Shutdown;
        var address = operation switch
        {
            SchedOperation.RemoteShutdown => Put(0, new SchedRemoteShutdown { Domain = Domain(), Reason = (ShutdownReason)_dice.Below(7) }),
            SchedOperation.Watchdog => Put(0, new SchedWatchdog { Id = (uint)_dice.Of(0, 0, 1, 2, 3, -1), Timeout = (uint)_dice.Of(0, 1, 1000, -1) }),
            // A guest that says that it crashed has its registers logged, which takes its time.
            _ => Put(0, _dice.OneIn(40) ? 3u : (uint)_dice.Of(0, 1, 2, 4, 5, 6, 255, -1)),
        };
        var old = _dice.OneIn(8);
        Call(old ? FuzzLabels.Calls[(int)HypercallNumber.SchedOpCompat] : FuzzLabels.Sched[Math.Min((int)operation, 15)],
            old ? HypercallNumber.SchedOpCompat : HypercallNumber.SchedOp, (ulong)operation, old ? (ulong)_dice.Of(0, 1, 2, 4) : address);
    }
}
