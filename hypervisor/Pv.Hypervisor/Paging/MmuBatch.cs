using Pv.Abi;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The frame that <c>mmu_update</c> and <c>mmuext_op</c> share: an array, how many of its elements are done (told to the guest where it
/// asked), and how a call that was stopped goes on. Arguments: array, count, where to tell, domain.
/// </summary>
internal readonly struct MmuBatch
{
    /// <summary>In the count: a call that goes on, whose earlier elements are counted already (<c>MMU_UPDATE_PREEMPTED</c>).</summary>
    private const uint Preempted = 1u << 31;

    private readonly ulong _array, _size, _tellAddress;
    private readonly uint _doneBefore;

    private MmuBatch(ulong array, int size, uint count, ulong tellAddress, uint doneBefore, Errno? refused)
    {
        _array = array;
        _size = (ulong)size;
        Count = count;
        _tellAddress = tellAddress;
        _doneBefore = doneBefore;
        Refused = refused;
    }

    public ulong Count { get; }

    /// <summary>Set when the call cannot even begin.</summary>
    public Errno? Refused { get; }

    /// <param name="call">The call.</param>
    /// <param name="size">Bytes an element.</param>
    public static MmuBatch Begin(ref HypercallContext call, int size)
    {
        var count = (uint)call.Arguments.Second;
        uint doneBefore = 0;
        // What cannot be read counts as none.
        if ((count & Preempted) != 0 && call.Arguments.Third != 0)
            _ = call.TryRead(call.Arguments.Third, out doneBefore);
        if (!call.MayBeMemory(call.Arguments.First))
            return new MmuBatch(0, 0, 0, 0, 0, Errno.EFAULT);
        return new MmuBatch(call.Arguments.First, size, count & ~Preempted, call.Arguments.Third, doneBefore, null);
    }

    public ulong ElementAddress(ulong index) => _array + index * _size;

    /// <summary>Stops after <paramref name="done"/> elements of this stretch; the rest comes when the call is executed again.</summary>
    public HypercallResult Again(ref HypercallContext call, ulong done)
    {
        Tell(ref call, done);
        call.Arguments = call.Arguments with { First = _array + done * _size, Second = (uint)(Count - done) | Preempted };
        return HypercallResult.Again;
    }

    public HypercallResult Finish(ref HypercallContext call, ulong done, Errno error)
    {
        Tell(ref call, done);
        return error;
    }

    private void Tell(ref HypercallContext call, ulong done)
    {
        if (_tellAddress != 0)
            _ = call.TryWrite(_tellAddress, (uint)(_doneBefore + done));
    }
}
