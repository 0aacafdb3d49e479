using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Tracing;

/// <summary>A domain's trace: its hypercalls with arguments and results, and its exits by kind. Off it costs one look at a flag a call.</summary>
public sealed class DomainTrace
{
    /// <summary>Records kept; the oldest go first.</summary>
    public const int Capacity = 1 << 16;

    /// <summary>Bytes of the guest's memory that the kept records hold between them: a guest chooses how much its calls copy.</summary>
    public const long ByteCapacity = 64 << 20;

    private readonly Lock _lock = new();
    private readonly Queue<(TracedHypercall Call, int Bytes)> _records = new();
    private readonly ulong[] _calls = new ulong[64];
    private readonly ulong[] _exceptions = new ulong[32];
    private ulong _sequence;
    private long _bytes;
    private volatile bool _on;
    private Action<TracedHypercall>? _observer;

    /// <summary>Whether calls are recorded. Any thread.</summary>
    public bool IsOn => _on;

    /// <summary>Switches at any time. Switching on begins anew.</summary>
    /// <param name="on">Whether calls are recorded from now on.</param>
    /// <param name="observer">Told of each call as <see cref="HypervisorCore.TryObserve"/> says; null for nobody.</param>
    public void Switch(bool on, Action<TracedHypercall>? observer = null)
    {
        lock (_lock)
        {
            if (on && !_on)
            {
                _records.Clear();
                _bytes = 0;
                _calls.AsSpan().Clear();
                _exceptions.AsSpan().Clear();
                _sequence = 0;
            }
            _observer = observer;
            _on = on;
        }
    }

    /// <summary>What is kept, oldest first.</summary>
    public IReadOnlyList<TracedHypercall> Read()
    {
        lock (_lock)
            return [.. _records.Select(record => record.Call)];
    }

    public TraceCounts Count()
    {
        lock (_lock)
        {
            return new TraceCounts(
                Enumerable.Range(0, _calls.Length).Where(n => _calls[n] != 0).ToDictionary(n => (HypercallNumber)n, n => _calls[n]),
                Enumerable.Range(0, _exceptions.Length).Where(n => _exceptions[n] != 0).ToDictionary(n => (byte)n, n => _exceptions[n]));
        }
    }

    internal void Add(TraceRecord record, HypercallResult result)
    {
        lock (_lock)
        {
            var call = record.End(++_sequence, result);
            _records.Enqueue((call, record.Bytes));
            _bytes += record.Bytes;
            while (_records.Count > Capacity || _bytes > ByteCapacity)
                _bytes -= _records.Dequeue().Bytes;
            if (!record.IsQueued && record.Number < (ulong)_calls.Length)
                _calls[record.Number]++;
            _observer?.Invoke(call);
        }
    }

    internal void NoteException(byte vector)
    {
        lock (_lock)
            _exceptions[vector & 31]++;
    }
}
