using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Tracing;

/// <summary>One hypercall while it is served: registers at entry and what is copied in and out.</summary>
internal sealed class TraceRecord
{
    // The largest argument, a vCPU's whole context, is whole.
    private const int BytesKept = 8192;

    private readonly VcpuId _vcpu;
    private readonly HypercallRegisters _arguments;
    private readonly ulong _pageTables;
    private readonly ulong _time;
    private readonly QueuedCall? _queued;
    private readonly List<TracedBytes> _inputs = [];
    private readonly List<TracedBytes> _outputs = [];
    private bool _truncated;

    private TraceRecord(Vcpu vcpu, HypercallRegisters arguments)
    {
        _vcpu = vcpu.Id;
        _arguments = arguments;
        _pageTables = vcpu.Registers.Cr3;
        _time = vcpu.Domain.Core.Clock.Now;
        _queued = vcpu.Queue?.Current;
    }

    public ulong Number => _arguments.Number;

    /// <summary>How much of the guest's memory it holds.</summary>
    public int Bytes { get; private set; }

    /// <summary>It came from a queue and is no entry of the vCPU's.</summary>
    public bool IsQueued => _queued is not null;

    public static TraceRecord Begin(Vcpu vcpu, HypercallRegisters arguments) => new(vcpu, arguments);

    public void NoteInput(ulong address, ReadOnlySpan<byte> content) => Note(_inputs, address, content);

    public void NoteOutput(ulong address, ReadOnlySpan<byte> content) => Note(_outputs, address, content);

    public TracedHypercall End(ulong sequence, HypercallResult result) => new(
        sequence, _vcpu, _arguments, _pageTables, _time, result.Value, result.Outcome == HypercallOutcome.Continue || result.Rerun,
        result.Outcome == HypercallOutcome.RegistersSet, _inputs, _outputs, _truncated)
    {
        Queued = _queued,
    };

    private void Note(List<TracedBytes> list, ulong address, ReadOnlySpan<byte> content)
    {
        // Nothing is copied by some calls, as often as a guest likes: what costs no bytes is not kept.
        if (content.IsEmpty)
            return;
        if (Bytes + content.Length > BytesKept)
        {
            _truncated = true;
            return;
        }
        Bytes += content.Length;
        list.Add(new TracedBytes(address, content.ToArray()));
    }
}
