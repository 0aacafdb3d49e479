using System.Text;
using Pv.Abi;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>
/// A kernel's calls as rows that two runs of the same kernel share: what differs between runs is folded (yields, repeated notifications,
/// continuations) or renamed in the order of appearance (frames, ports). Registers and fields that the call does not read are left out.
/// </summary>
internal sealed class CanonicalTrace
{
    // Bits 12 to 51 of a page-table entry.
    private const ulong FrameMask = 0x000f_ffff_ffff_f000;

    private readonly Dictionary<Mfn, string> _frames = [];
    private readonly Dictionary<EventPort, string> _ports = [];

    private CanonicalTrace()
    {
    }

    /// <summary>The frame that a page-table entry names.</summary>
    public static Mfn FrameOf(ulong entry) => Mfn.OfAddress(entry & FrameMask);

    /// <summary>The rows of a trace.</summary>
    /// <param name="calls">All calls of one vCPU, in order.</param>
    public static IReadOnlyList<string> Of(IEnumerable<ObservedCall> calls)
    {
        var trace = new CanonicalTrace();
        var rows = new List<string>();
        foreach (var (call, stored) in calls)
        {
            if (trace.Row(call, stored) is not { } row)
                continue;
            row += $" -> {call.Result}";
            if (!IsNotification(call) || rows.LastOrDefault() != row)
                rows.Add(row);
        }
        return rows;
    }

    private static bool IsNotification(TracedHypercall call)
        => (HypercallNumber)call.Arguments.Number == HypercallNumber.EventChannelOp && (EventChannelOperation)call.Arguments.First == EventChannelOperation.Send;

    // Null for a call that is folded away.
    private string? Row(TracedHypercall call, IReadOnlyList<ulong> stored)
    {
        var arguments = call.Arguments;
        return (HypercallNumber)arguments.Number switch
        {
            HypercallNumber.SchedOp when (SchedOperation)arguments.First == SchedOperation.Yield => null,
            HypercallNumber.EventChannelOp when IsNotification(call) => $"event_channel_op send port={Name(new GuestBytes(call).Before<EventPort>(arguments.Second))}",
            HypercallNumber.GrantTableOp when arguments.Third == 1 && (GrantTableOperation)arguments.First == GrantTableOperation.SetVersion => SetVersion(call),
            HypercallNumber.GrantTableOp when arguments.Third == 1 && (GrantTableOperation)arguments.First == GrantTableOperation.SetupTable => SetupTable(call),
            HypercallNumber.UpdateVaMapping => UpdateVaMapping(arguments, stored[0]),
            HypercallNumber.MmuUpdate => MmuUpdates(call),
            HypercallNumber.MmuExtOp => MmuExtOperations(call),
            var other => $"{other} 0x{arguments.First:x} 0x{arguments.Second:x} 0x{arguments.Third:x}",
        };
    }

    private static string SetVersion(TracedHypercall call)
    {
        var (bytes, address) = (new GuestBytes(call), call.Arguments.Second);
        return $"grant_table_op set_version version={bytes.Before<uint>(address)} => version={bytes.After<uint>(address)}";
    }

    private string SetupTable(TracedHypercall call)
    {
        var (bytes, address) = (new GuestBytes(call), call.Arguments.Second);
        var asked = bytes.Before<GrantTableSetupTable>(address);
        var frames = Enumerable.Range(0, (int)asked.FrameCount).Select(i => Name(bytes.After<Mfn>(asked.FrameList + (ulong)(i * sizeof(ulong)))));
        return $"grant_table_op setup_table dom=0x{asked.Domain.Value:x} nr_frames={asked.FrameCount} frame_list=0x{asked.FrameList:x}"
            + $" => status={(int)bytes.After<GrantTableSetupTable>(address).Status} frames={string.Join(' ', frames)}";
    }

    private string UpdateVaMapping(HypercallRegisters arguments, ulong stored)
    {
        // Named in this order, as the rows show them.
        var entry = Entry(arguments.Second);
        return $"update_va_mapping va=0x{arguments.First:x} entry={entry} flags=0x{arguments.Third:x} stored={Entry(stored)}";
    }

    private string MmuUpdates(TracedHypercall call)
    {
        var row = new StringBuilder($"mmu_update dom=0x{call.Arguments.Fourth:x} done=0x{call.Arguments.Third:x}");
        foreach (var update in Elements<MmuUpdate>(call))
        {
            var value = update.Kind == MmuUpdateKind.MachinePhysical ? $"0x{update.Value:x}" : Entry(update.Value);
            row.Append($" ({(int)update.Kind} {Name(Mfn.OfAddress(update.Address))}+0x{update.Address & PageSize.OffsetMask:x} {value})");
        }
        return row.ToString();
    }

    private string MmuExtOperations(TracedHypercall call)
    {
        var row = new StringBuilder($"mmuext_op dom=0x{call.Arguments.Fourth:x} done=0x{call.Arguments.Third:x}");
        foreach (var operation in Elements<MmuExt>(call))
        {
            row.Append(' ').Append(operation.Operation switch
            {
                MmuExtOperation.PinL4Table => $"PIN_L4({Name(operation.Mfn)})",
                MmuExtOperation.UnpinTable => $"UNPIN({Name(operation.Mfn)})",
                MmuExtOperation.NewBasePointer => $"NEW_BASEPTR({Name(operation.Mfn)})",
                var other => $"{other}(0x{operation.Argument1:x}, 0x{operation.Argument2:x})",
            });
        }
        return row.ToString();
    }

    private static IEnumerable<T> Elements<T>(TracedHypercall call) where T : unmanaged
        => new GuestBytes(call).Before<T>(call.Arguments.First, call.Arguments.Second);

    private string Entry(ulong entry) => entry == 0 ? "0" : $"{Name(FrameOf(entry))}+0x{entry & ~FrameMask:x}";

    private string Name(Mfn frame) => NameOf(_frames, frame, "#");

    private string Name(EventPort port) => NameOf(_ports, port, "p");

    private static string NameOf<T>(Dictionary<T, string> names, T what, string prefix) where T : notnull
    {
        if (!names.TryGetValue(what, out var name))
            names[what] = name = $"{prefix}{names.Count + 1}";
        return name;
    }
}
