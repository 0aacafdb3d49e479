using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Machine;

namespace Pv.Guest;

/// <summary>
/// A domain's <c>struct shared_info</c> as its own kernel uses it: the words of the 2-level event ABI, the clock and the wall clock
/// of vCPU 0 (<c>public/xen.h</c>).
/// </summary>
/// <remarks>Any thread; the hypervisor and other domains' notifications change the words at the same time.</remarks>
public sealed class SharedInfoPage(SharedPage page)
{
    /// <summary>How many words a bitmap of ports has.</summary>
    public const int WordCount = 64;

    /// <summary>How many ports a word has.</summary>
    public const int PortsPerWord = 64;

    private readonly SharedPage _page = page;

    /// <summary>vCPU 0 has an event pending that is not masked.</summary>
    public bool UpcallPending
    {
        get => _page.ReadByteAcquire(SharedInfoLayout.UpcallPending) != 0;
        set => _page.WriteByteRelease(SharedInfoLayout.UpcallPending, value ? (byte)1 : (byte)0);
    }

    /// <summary>vCPU 0 wants no upcalls: the guest's interrupt flag, inverted.</summary>
    public bool UpcallMask
    {
        get => _page.ReadByteAcquire(SharedInfoLayout.UpcallMask) != 0;
        set => _page.WriteByteRelease(SharedInfoLayout.UpcallMask, value ? (byte)1 : (byte)0);
    }

    /// <summary>Takes the bits that say which words have something pending.</summary>
    public ulong TakeSelector() => _page.ExchangeUInt64(SharedInfoLayout.PendingSelector, 0);

    /// <summary>Says again that words have something pending, for whoever takes the bits next.</summary>
    public void Select(ulong words) => _page.OrUInt64(SharedInfoLayout.PendingSelector, words);

    /// <summary>The ports of a word that are pending and not masked.</summary>
    public ulong Deliverable(int word)
        => _page.ReadUInt64Acquire(PendingAt(word)) & ~_page.ReadUInt64Acquire(MaskAt(word));

    public bool IsPending(EventPort port) => (_page.ReadUInt64Acquire(PendingAt(WordOf(port))) & BitOf(port)) != 0;

    public bool IsMasked(EventPort port) => (_page.ReadUInt64Acquire(MaskAt(WordOf(port))) & BitOf(port)) != 0;

    /// <summary>Has an event of a port wait that was taken and not delivered.</summary>
    public void SetPending(EventPort port) => _page.OrUInt64(PendingAt(WordOf(port)), BitOf(port));

    public void ClearPending(EventPort port) => _page.AndUInt64(PendingAt(WordOf(port)), ~BitOf(port));

    public void SetMask(EventPort port) => _page.OrUInt64(MaskAt(WordOf(port)), BitOf(port));

    public void ClearMask(EventPort port) => _page.AndUInt64(MaskAt(WordOf(port)), ~BitOf(port));

    /// <summary>Masks every port: a kernel's first act, so that nothing is delivered before somebody listens.</summary>
    public void MaskAll()
    {
        for (var word = 0; word < WordCount; word++)
            _page.WriteUInt64Release(MaskAt(word), ulong.MaxValue);
    }

    /// <summary>The clock of vCPU 0, read between two writes of the hypervisor.</summary>
    public VcpuTimeInfo ReadTime()
    {
        var time = default(VcpuTimeInfo);
        while (true)
        {
            var version = _page.ReadUInt32Acquire(SharedInfoLayout.Time);
            _page.CopyTo(SharedInfoLayout.Time, MemoryMarshal.AsBytes(new Span<VcpuTimeInfo>(ref time)));
            SharedPage.FullFence();
            if ((version & 1) == 0 && _page.ReadUInt32Acquire(SharedInfoLayout.Time) == version)
                return time;
        }
    }

    /// <summary>The wall clock at system time 0, in nanoseconds since 1970.</summary>
    public UInt128 ReadWallClock()
    {
        while (true)
        {
            var version = _page.ReadUInt32Acquire(SharedInfoLayout.WallClockVersion);
            ulong seconds = _page.ReadUInt32Acquire(SharedInfoLayout.WallClockSeconds);
            seconds |= (ulong)_page.ReadUInt32Acquire(SharedInfoLayout.WallClockSecondsHigh) << 32;
            var nanoseconds = _page.ReadUInt32Acquire(SharedInfoLayout.WallClockNanoseconds);
            SharedPage.FullFence();
            if ((version & 1) == 0 && _page.ReadUInt32Acquire(SharedInfoLayout.WallClockVersion) == version)
                return ((UInt128)seconds * 1_000_000_000) + nanoseconds;
        }
    }

    private static int WordOf(EventPort port) => checked((int)(port.Value / PortsPerWord));

    private static ulong BitOf(EventPort port) => 1UL << (int)(port.Value % PortsPerWord);

    private static int PendingAt(int word) => SharedInfoLayout.Pending + (word * sizeof(ulong));

    private static int MaskAt(int word) => SharedInfoLayout.Mask + (word * sizeof(ulong));
}
