using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Events;

/// <summary>
/// The two-level ABI: a bit a port in <c>shared_info.evtchn_pending</c> and <c>evtchn_mask</c>, a bit a word of them in the vCPU's
/// <c>evtchn_pending_sel</c>, and one byte that says that anything is pending at all.
/// </summary>
internal sealed class TwoLevelEventAbi : IEventAbi
{
    // Offsets of shared_info, held against the ABI facts by a test.
    internal const ulong PendingOffset = 0x800;
    internal const ulong MaskOffset = 0xa00;

    public static readonly TwoLevelEventAbi Instance = new();

    public uint PortLimit => TwoLevelEvents.ChannelCount;

    public bool SetPending(Vcpu vcpu, EventPort port)
    {
        var domain = vcpu.Domain;
        if ((Interlocked.Or(ref Word(domain, PendingOffset, port), Bit(port)) & Bit(port)) != 0)
            return false;
        return !IsMasked(domain, port) && Select(vcpu, port);
    }

    public void ClearPending(Domain domain, EventPort port) => Interlocked.And(ref Word(domain, PendingOffset, port), ~Bit(port));

    public bool IsPending(Domain domain, EventPort port) => (Volatile.Read(ref Word(domain, PendingOffset, port)) & Bit(port)) != 0;

    public bool IsMasked(Domain domain, EventPort port) => (Volatile.Read(ref Word(domain, MaskOffset, port)) & Bit(port)) != 0;

    public bool Unmask(Vcpu vcpu, EventPort port)
    {
        var wasMasked = (Interlocked.And(ref Word(vcpu.Domain, MaskOffset, port), ~Bit(port)) & Bit(port)) != 0;
        return wasMasked && IsPending(vcpu.Domain, port) && Select(vcpu, port);
    }

    /// <summary>Marks the port's word in the vCPU's selector. True when it was not marked.</summary>
    private static bool Select(Vcpu vcpu, EventPort port)
    {
        var word = 1ul << (int)(port.Value / 64);
        return (Interlocked.Or(ref vcpu.Info.PendingSelector, word) & word) == 0;
    }

    private static ref ulong Word(Domain domain, ulong table, EventPort port)
        => ref domain.Core.Memory.At<ulong>(domain.SharedInfo.Address + table + port.Value / 64 * sizeof(ulong));

    private static ulong Bit(EventPort port) => 1ul << (int)(port.Value % 64);
}
