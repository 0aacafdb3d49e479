using Pv.Abi;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.SystemTests.Traces;

/// <summary>
/// Collects all calls of a domain of a real kernel, and looks at once at the page-table entries that a call left, before the vCPU's next
/// instruction.
/// </summary>
internal sealed class CallObserver(MachineMemory memory)
{
    private readonly List<ObservedCall> _calls = [];
    private readonly Dictionary<VcpuId, List<TracedHypercall>> _entries = [];
    private readonly TaskCompletionSource _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The calls until now, in the order in which they ended. While the domain does not run.</summary>
    public IReadOnlyList<ObservedCall> Calls => _calls;

    /// <summary>Ends when the domain shuts down by itself.</summary>
    public Task Shutdown => _shutdown.Task;

    /// <summary>Takes one entry into the hypervisor. One at a time.</summary>
    public void Note(TracedHypercall entry)
    {
        if (entry.Truncated)
            throw new InvalidDataException($"The trace does not have all that call {entry.Sequence} copied.");
        if (!_entries.TryGetValue(entry.Vcpu, out var entries))
            _entries[entry.Vcpu] = entries = [];
        entries.Add(entry);
        if (entry.Continued)
            return;
        var call = Whole(entries);
        entries.Clear();
        _calls.Add(new ObservedCall(call, Stored(call)));
        if ((HypercallNumber)call.Arguments.Number == HypercallNumber.SchedOp && (SchedOperation)call.Arguments.First == SchedOperation.Shutdown)
            _shutdown.TrySetResult();
    }

    // Each continuation moves the arguments on, and copies only what it gets to: the call as the guest made it is the first entry's.
    private static TracedHypercall Whole(List<TracedHypercall> entries) => entries.Count == 1 ? entries[0] : entries[0] with
    {
        Inputs = [.. entries.SelectMany(entry => entry.Inputs)],
        Outputs = [.. entries.SelectMany(entry => entry.Outputs)],
        Result = entries[^1].Result,
        Continued = false,
    };

    private ulong[] Stored(TracedHypercall call) => (HypercallNumber)call.Arguments.Number switch
    {
        HypercallNumber.UpdateVaMapping => [EntryOf(call.PageTables, call.Arguments.First)],
        HypercallNumber.MmuUpdate => [.. new GuestBytes(call)
            .Before<MmuUpdate>(call.Arguments.First, call.Arguments.Second)
            .Select(update => memory.Contains(Mfn.OfAddress(update.Address)) ? memory.At<ulong>(update.Address & ~7ul) : 0)],
        _ => [],
    };

    private ulong EntryOf(ulong root, ulong address)
    {
        const int levels = 4, indexBits = 9;
        var entry = root;
        for (var level = levels; level > 0; level--)
        {
            var index = (address >> (PageSize.Shift + (indexBits * (level - 1)))) & ((1 << indexBits) - 1);
            entry = memory.At<ulong>(CanonicalTrace.FrameOf(entry).Address + (index * sizeof(ulong)));
        }
        return entry;
    }
}
