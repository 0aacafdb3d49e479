using Pv.Abi;
using Pv.Machine;
using Pv.Machine.Gate;

namespace Pv.Benchmarks.Disks;

/// <summary>Dom0's gate, with counts of what a back end asks of the hypervisor.</summary>
internal sealed class CountingGate(IGuestGate gate) : IGuestGate
{
    private long _mapCalls, _maps, _unmapCalls, _sends;

    /// <summary>Grants that were mapped, the calls that did it, calls that unmap, and notifications.</summary>
    public (long Maps, long MapCalls, long UnmapCalls, long Sends) Counts
        => (Interlocked.Read(ref _maps), Interlocked.Read(ref _mapCalls), Interlocked.Read(ref _unmapCalls), Interlocked.Read(ref _sends));

    public DomId Domain => gate.Domain;

    public ulong InitialFrames => gate.InitialFrames;

    public Pfn StartInfo => gate.StartInfo;

    public bool YieldRequested => gate.YieldRequested;

    public SharedPage Page(Pfn pfn) => gate.Page(pfn);

    public ulong ReadTsc() => gate.ReadTsc();

    public void Crash(string reason) => gate.Crash(reason);

    public long Call(HypercallRegisters registers)
    {
        switch ((HypercallNumber)registers.Number, registers.First)
        {
            case (HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.MapGrantRef):
                Interlocked.Add(ref _maps, (long)registers.Third);
                Interlocked.Increment(ref _mapCalls);
                break;
            case (HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.UnmapGrantRef):
                Interlocked.Increment(ref _unmapCalls);
                break;
            case (HypercallNumber.EventChannelOp, (ulong)EventChannelOperation.Send):
                Interlocked.Increment(ref _sends);
                break;
        }
        return gate.Call(registers);
    }
}
