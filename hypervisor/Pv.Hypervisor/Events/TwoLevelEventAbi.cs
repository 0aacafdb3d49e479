using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Events;

/// <summary>
/// The two-level ABI: a bit a port in <c>shared_info.evtchn_pending</c> and <c>evtchn_mask</c>, a bit a word of them in the vCPU's
/// <c>evtchn_pending_sel</c>, and one byte that says that anything is pending at all.
/// </summary>
internal sealed class TwoLevelEventAbi(Domain domain) : IEventAbi
{
    // Offsets of shared_info, held against the ABI facts by a test.
    internal const ulong PendingOffset = 0x800;
    internal const ulong MaskOffset = 0xa00;

    /// <summary>Words of the bitmaps, 64 ports each.</summary>
    public const int Words = TwoLevelEvents.ChannelCount / 64;

    public uint PortLimit => TwoLevelEvents.ChannelCount;

    /// <summary>The pending ports of a word, as the guest may have changed them.</summary>
    public ulong PendingWord(int word) => Volatile.Read(ref Word(PendingOffset, new EventPort((uint)word * 64)));

    public bool SetPending(Vcpu vcpu, EventChannel channel)
    {
        var bit = Bit(channel.Port);
        if ((Interlocked.Or(ref Word(PendingOffset, channel.Port), bit) & bit) != 0)
            return false;
        return !IsMasked(channel) && Select(vcpu, channel.Port);
    }

    public void ClearPending(EventChannel channel) => Interlocked.And(ref Word(PendingOffset, channel.Port), ~Bit(channel.Port));

    public bool IsPending(EventChannel channel)
        => (Volatile.Read(ref Word(PendingOffset, channel.Port)) & Bit(channel.Port)) != 0;

    public bool IsMasked(EventChannel channel)
        => (Volatile.Read(ref Word(MaskOffset, channel.Port)) & Bit(channel.Port)) != 0;

    public bool IsBusy(EventChannel channel) => false;

    public bool Unmask(Vcpu vcpu, EventChannel channel)
    {
        var bit = Bit(channel.Port);
        var wasMasked = (Interlocked.And(ref Word(MaskOffset, channel.Port), ~bit) & bit) != 0;
        return wasMasked && IsPending(channel) && Select(vcpu, channel.Port);
    }

    /// <summary>Marks the port's word in the vCPU's selector. True when it was not marked.</summary>
    private static bool Select(Vcpu vcpu, EventPort port)
    {
        var word = 1ul << (int)(port.Value / 64);
        return (Interlocked.Or(ref vcpu.Info.PendingSelector, word) & word) == 0;
    }

    private ref ulong Word(ulong table, EventPort port)
        => ref domain.Core.Memory.At<ulong>(domain.SharedInfo.Address + table + port.Value / 64 * sizeof(ulong));

    private static ulong Bit(EventPort port) => 1ul << (int)(port.Value % 64);
}
