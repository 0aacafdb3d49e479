using Pv.Abi;

namespace Pv.Tests.Fuzzing;

// event_channel_op in both forms.
internal sealed partial class CallGrammar
{
    private static readonly Rule[] EventRules =
    [
        new(5, grammar => grammar.AllocateUnbound()), new(5, grammar => grammar.BindInterdomain()), new(3, grammar => grammar.BindVirq()),
        new(3, grammar => grammar.BindIpi()), new(5, grammar => grammar.OfPort(EventChannelOperation.Close)), new(5, grammar => grammar.OfPort(EventChannelOperation.Send)),
        new(2, grammar => grammar.OfPort(EventChannelOperation.Unmask)), new(2, grammar => grammar.BindVcpu()), new(2, grammar => grammar.Status()),
        new(2, grammar => grammar.InitControl()), new(2, grammar => grammar.ExpandArray()), new(2, grammar => grammar.SetPriority()),
        new(1, grammar => grammar.Reset()), new(1, grammar => grammar.BindPirq()), new(1, grammar => grammar.EventOdds()),
    ];

    private void Event<T>(EventChannelOperation operation, in T argument, Lesson learn = Lesson.Nothing, int at = 0) where T : unmanaged
    {
        // The old form has the operation in front of the argument, which must be aligned for that.
        if (_dice.OneIn(12) && operation <= EventChannelOperation.Unmask)
        {
            Image(0, (uint)operation);
            Image(sizeof(uint), argument);
            Call(FuzzLabels.Calls[(int)HypercallNumber.EventChannelOpCompat], learn, at + sizeof(uint), 0, HypercallNumber.EventChannelOpCompat, Where(0), simple: false);
            return;
        }
        // A port that could not be told is there all the same, as on Xen.
        var address = Put(0, argument);
        Call(FuzzLabels.Events[(int)operation], learn, at, 0, HypercallNumber.EventChannelOp, (ulong)operation, address, simple: address == Good(0));
    }

    private void AllocateUnbound() => Event(EventChannelOperation.AllocUnbound, new EventChannelAllocUnbound { Domain = Self(), RemoteDomain = Domain() }, Lesson.Port, 4);

    private void BindInterdomain()
    {
        var other = Other();
        Event(EventChannelOperation.BindInterdomain, new EventChannelBindInterdomain
        {
            RemoteDomain = _dice.OneIn(8) ? Domain() : other.Domain.Id,
            RemotePort = new EventPort(_dice.OneIn(8) ? Port() : other.Ports[_dice.Below(FuzzDomain.KnownPorts)]),
        }, Lesson.Port, 8);
    }

    private void BindVirq() => Event(EventChannelOperation.BindVirq,
        new EventChannelBindVirq { Virq = (VirtualIrq)(_dice.OneIn(12) ? (uint)Odd() : (uint)_dice.Below(24)), Vcpu = new VcpuId(VcpuNumber()) }, Lesson.Port, 8);

    private void BindIpi() => Event(EventChannelOperation.BindIpi, new EventChannelBindIpi { Vcpu = new VcpuId(VcpuNumber()) }, Lesson.Port, 4);

    private void BindPirq() => Event(EventChannelOperation.BindPirq, new EventChannelBindPirq { Pirq = (uint)Odd(), Flags = (uint)_dice.Below(3) });

    // Close, send and unmask have the port as their only field.
    private void OfPort(EventChannelOperation operation) => Event(operation, new EventChannelSend { Port = new EventPort(Port()) });

    private void BindVcpu() => Event(EventChannelOperation.BindVcpu, new EventChannelBindVcpu { Port = new EventPort(Port()), Vcpu = new VcpuId(VcpuNumber()) });

    private void Status() => Event(EventChannelOperation.Status, new EventChannelStatus { Domain = Self(), Port = new EventPort(Port()) });

    private void InitControl() => Event(EventChannelOperation.InitControl, new EventChannelInitControl
    {
        ControlGfn = Frame(FrameUse.Data).Value, Offset = _dice.Of(0u, 0u, 72u, 1024u, 4024u, 4025u, 4032u, 4u, uint.MaxValue), Vcpu = new VcpuId(VcpuNumber()),
    });

    private void ExpandArray() => Event(EventChannelOperation.ExpandArray, new EventChannelExpandArray { ArrayGfn = Frame(FrameUse.Data).Value });

    private void SetPriority() => Event(EventChannelOperation.SetPriority,
        new EventChannelSetPriority { Port = new EventPort(Port()), Priority = _dice.OneIn(6) ? (uint)Odd() : (uint)_dice.Below(17) });

    private void Reset()
    {
        Event(EventChannelOperation.Reset, new EventChannelReset { Domain = Self() });
        // It may have closed many ports before it is refused.
        _made = _made with { IsSimple = false };
    }

    private void EventOdds()
    {
        var address = Put(0, Odd());
        if (_dice.OneIn(2))
            Call(FuzzLabels.Calls[(int)HypercallNumber.EventChannelOpCompat], Lesson.Nothing, 0, 0, HypercallNumber.EventChannelOpCompat, address, simple: false);
        else
            Call(FuzzLabels.Events[15], Lesson.Nothing, 0, 0, HypercallNumber.EventChannelOp, 14 + Odd() % (1ul << 40), address, simple: false);
    }
}
