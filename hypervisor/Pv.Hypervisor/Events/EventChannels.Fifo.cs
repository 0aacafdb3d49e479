using Pv.Abi;
using Pv.Hypervisor.Memory;

namespace Pv.Hypervisor.Events;

// The FIFO ABI: how a domain comes to it, and leaves it.
public sealed partial class EventChannels
{
    /// <summary>Takes a vCPU's control block. The first one of a domain turns the FIFO ABI on, with an array that has no page yet.</summary>
    internal Errno InitControl(VcpuId vcpu, ulong frameNumber, uint offset)
    {
        if (!Exists(vcpu))
            return Errno.ENOENT;
        if (offset > PageSize.Bytes - FifoControlBlock.WireSize || offset % sizeof(ulong) != 0
            || !HeldFrames.TryHold(_domain, frameNumber, out var frame))
            return Errno.EINVAL;
        using (_lock.Hold())
        {
            if (!_closed && (_abi is not FifoEventAbi known || !known.HasControl(vcpu)))
            {
                EnterFifo().SetControl(vcpu, frame, offset);
                return Errno.None;
            }
        }
        HeldFrames.Release(_domain, frame);
        return Errno.EINVAL;
    }

    /// <summary>Takes the next page of the event array. What came for its ports before is pending there at once.</summary>
    internal Errno ExpandArray(ulong frameNumber)
    {
        using (_lock.Hold())
        {
            if (CheckExpansion() is not Errno.None and var early)
                return early;
        }
        if (!HeldFrames.TryHold(_domain, frameNumber, out var frame))
            return Errno.EINVAL;
        Errno error;
        using (_lock.Hold())
        {
            error = CheckExpansion();
            if (error == Errno.None)
                AddPage((FifoEventAbi)_abi, frame);
        }
        if (error != Errno.None)
            HeldFrames.Release(_domain, frame);
        return error;
    }

    internal Errno SetPriority(EventPort port, uint priority)
    {
        using (_lock.Hold())
        {
            if (FindLocked(port, evenClosed: true) is not { } channel)
                return Errno.EINVAL;
            return _abi is not FifoEventAbi ? Errno.ENOSYS
                : channel.State == EventChannelState.Closed ? Errno.EACCES : FifoEventAbi.SetPriority(channel, priority);
        }
    }

    private Errno CheckExpansion() => _abi is not FifoEventAbi fifo ? Errno.EOPNOTSUPP : fifo.HasRoom ? Errno.None : Errno.ENOSPC;

    private void AddPage(FifoEventAbi fifo, Mfn frame)
    {
        var first = fifo.WordCount;
        fifo.AddPage(frame);
        while (fifo.TryTakeEarly(ref first, out var port))
            NotifyLocked(_ports[(int)port.Value]);
    }

    private FifoEventAbi EnterFifo()
    {
        if (_abi is FifoEventAbi already)
            return already;
        var fifo = new FifoEventAbi(_domain);
        // What a guest wrote there for others than open ports is nothing.
        for (var word = 0; word < TwoLevelEventAbi.Words; word++)
            fifo.NoteEarly(word, ((TwoLevelEventAbi)_abi).PendingWord(word) & OpenPortsOf(word));
        _domain.Core.Meter?.Count(TwoLevelEventAbi.Words);
        _abi = fifo;
        return fifo;
    }

    /// <summary>Every port was closed: the frames go back to the guest. Ports that it opened meanwhile need them.</summary>
    private Errno LeaveFifo()
    {
        FifoEventAbi fifo;
        using (_lock.Hold())
        {
            if (OpenPortsLocked != 0)
                return Errno.EAGAIN;
            if (_abi is not FifoEventAbi current)
                return Errno.None;
            fifo = current;
            _abi = new TwoLevelEventAbi(_domain);
        }
        // Freeing a frame may take the page lock and flush: not under the events lock.
        foreach (var frame in fifo.TakeFrames())
            HeldFrames.Release(_domain, frame);
        return Errno.None;
    }
}
