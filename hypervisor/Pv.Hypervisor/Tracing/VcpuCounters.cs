using Pv.Abi;
using Pv.Cpu;
using Pv.Machine.Gate;

namespace Pv.Hypervisor.Tracing;

/// <summary>How often a vCPU has left its code, and for what. Always on: an increment each.</summary>
/// <remarks>Written by the thread that runs the vCPU; whoever reads may miss the last.</remarks>
/// <param name="isShared">The vCPU is Dom0's, whose code is in the hypervisor on several threads at once.</param>
internal sealed class VcpuCounters(bool isShared)
{
    private const int HypercallNumbers = 64, Vectors = 32;

    private readonly ulong[] _hypercalls = new ulong[HypercallNumbers];
    private readonly ulong[] _exceptions = new ulong[Vectors];
    private readonly ulong[] _exits = new ulong[(int)CpuExitKind.Idle + 1];
    private ulong _bytesIn, _bytesOut;

    /// <summary>Of its queue of asynchronous hypercalls; null before it has one.</summary>
    public AsyncCounters? Queue { get; set; }

    public void NoteHypercall(ulong number)
    {
        ref var count = ref _hypercalls[number & (HypercallNumbers - 1)];
        if (isShared)
            Interlocked.Increment(ref count);
        else
            count++;
    }

    /// <summary>Bytes copied from the vCPU's memory for a hypercall.</summary>
    public void NoteInput(int bytes) => _bytesIn += (ulong)bytes;

    /// <summary>Bytes copied to it.</summary>
    public void NoteOutput(int bytes) => _bytesOut += (ulong)bytes;

    public void NoteExit(CpuExit exit)
    {
        _exits[(int)exit.Kind]++;
        if (exit.Kind == CpuExitKind.Exception)
            _exceptions[exit.Vector & (Vectors - 1)]++;
    }

    /// <summary>What there was of each; what never was is left out.</summary>
    public VcpuCounts Read() => new(
        Some(_exits).ToDictionary(one => ((CpuExitKind)one.Index).ToString().ToLowerInvariant(), one => one.Count),
        Some(_hypercalls).ToDictionary(one => (HypercallNumber)one.Index, one => one.Count),
        Some(_exceptions).ToDictionary(one => (byte)one.Index, one => one.Count),
        _bytesIn, _bytesOut);

    private static IEnumerable<(int Index, ulong Count)> Some(ulong[] counts)
        => counts.Select((count, index) => (index, count)).Where(one => one.count != 0);
}
