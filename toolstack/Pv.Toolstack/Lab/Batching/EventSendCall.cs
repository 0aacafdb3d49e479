using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>
/// <c>EVTCHNOP_send</c> between two ports of the guest itself, which runs: each item has a pair of its own, and what was set pending is cleared
/// before the next round, so that every send sets a bit. The ports are masked, as no upcall is wanted here.
/// </summary>
internal sealed class EventSendCall() : LabCall("event-send", "event channel send")
{
    private const int PortsAWord = 64, SendBytes = 8, BindBytes = 16;

    private ulong _pending, _zeros;

    public override bool HasList => false;

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        var receivers = AllocateReceivers(guest);
        var senders = Bind(guest, receivers);
        var start = guest.Area.Take(LabSizes.Items * SendBytes);
        _zeros = guest.Area.Take(LabSizes.Items / 8);
        _pending = guest.SharedInfo + SharedInfoLayout.Pending + (receivers[0] / 8);
        return
        [
            new CallPhase(HypercallNumber.EventChannelOp, i => [(ulong)EventChannelOperation.Send, start + (ulong)(i * SendBytes)])
            {
                Arguments = Rows(i => (ulong)senders[i]), ArgumentBytes = SendBytes, ArgumentsAt = start,
            },
        ];
    }

    public override void Begin(LabProgram program, int items) => program.Fill(_zeros, _pending, (items + PortsAWord - 1) / PortsAWord * sizeof(ulong));

    /// <summary>Ports in a row, from one on whose bits are a word's first.</summary>
    private static uint[] AllocateReceivers(ILabGuest guest)
    {
        var wanted = LabSizes.Items + PortsAWord;
        var at = guest.Area.Take(Rows(new EventChannelAllocUnbound { Domain = DomId.Self, RemoteDomain = DomId.Self }, wanted));
        var program = new LabProgram();
        for (var i = 0; i < wanted; i++)
            program.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.AllocUnbound, at + (ulong)(i * EventChannelAllocUnbound.WireSize));
        guest.Run(guest.Load(program), 1);
        var ports = Enumerable.Range(0, wanted).Select(i => guest.Area.Read<EventChannelAllocUnbound>(at + (ulong)(i * EventChannelAllocUnbound.WireSize)).Port.Value);
        uint[] row = [.. ports.SkipWhile(port => port % PortsAWord != 0).Take(LabSizes.Items)];
        if (row.Length < LabSizes.Items || row[^1] != row[0] + LabSizes.Items - 1)
            throw new ToolstackLabException("The guest could not get its event channels in a row.");
        return row;
    }

    private static uint[] Bind(ILabGuest guest, uint[] receivers)
    {
        // Twelve bytes each: in places of sixteen, as steps copy words.
        var at = guest.Area.Take(LabSizes.Items * BindBytes);
        var program = new LabProgram();
        for (var i = 0; i < LabSizes.Items; i++)
        {
            var bind = new EventChannelBindInterdomain { RemoteDomain = DomId.Self, RemotePort = new EventPort(receivers[i]) };
            guest.Area.Write(at + (ulong)(i * BindBytes), System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<EventChannelBindInterdomain>(ref bind)));
            program.Call(HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.BindInterdomain, at + (ulong)(i * BindBytes));
        }
        guest.Run(guest.Load(program), 1);
        return [.. Enumerable.Range(0, LabSizes.Items).Select(i => guest.Area.Read<EventChannelBindInterdomain>(at + (ulong)(i * BindBytes)).LocalPort.Value)];
    }

    private static byte[] Rows<T>(T value, int count) where T : unmanaged
        => System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Repeat(value, count).ToArray().AsSpan()).ToArray();
}
