using Pv.Abi;

namespace Pv.Hypervisor.Events;

/// <summary>What the hypervisor knows of a vCPU's queues under the FIFO ABI: where the guest keeps the heads, and each queue's last port.</summary>
internal sealed class FifoControl
{
    private Mfn? _frame;

    /// <summary>The machine address of the guest's control block, once there is one.</summary>
    public ulong Address { get; private set; }

    public bool IsMapped => _frame is not null;

    /// <summary>The port that was linked last into each queue, by priority; 0 when none was since the queue was known to be empty.</summary>
    public uint[] Tails { get; } = new uint[FifoEvents.QueueCount];

    public void Map(Mfn frame, uint offset)
    {
        _frame = frame;
        Address = frame.Address + offset;
    }

    /// <summary>The frame that <see cref="Map"/> was given, if it was.</summary>
    public Mfn? Unmap()
    {
        var frame = _frame;
        _frame = null;
        return frame;
    }
}
