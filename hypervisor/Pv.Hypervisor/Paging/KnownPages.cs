using System.Runtime.CompilerServices;
using Pv.Abi;

namespace Pv.Hypervisor.Paging;

/// <summary>
/// The pages that the hypervisor has walked to for a vCPU since that vCPU's code ran last, so that a list is not walked to again for each of its
/// elements. To the guest this is what a processor's own translations are: an entry changed within a call is found changed once it is flushed.
/// </summary>
/// <remarks>
/// For the thread that serves the vCPU. What is known is forgotten when the guest's code runs and at each flush; and it does not count while another
/// vCPU waits for a flush of this one, which whoever takes a page away asks for before it waits for copies (<see cref="TableWalks"/>).
/// </remarks>
internal sealed class KnownPages
{
    private const ulong Writable = 1;

    // Never 0, so that a slot that holds nothing matches nothing.
    private ulong _era = 1;
    private Slots _slots;

    public void Forget() => _era++;

    public bool TryGet(ulong root, ulong address, bool write, out ulong machine)
    {
        ref var slot = ref _slots[(int)(address >> PageSize.Shift) & (Slots.Count - 1)];
        var wanted = address & ~PageSize.OffsetMask | Writable;
        machine = slot.Machine | address & PageSize.OffsetMask;
        return slot.Era == _era && (write ? slot.Page : slot.Page | Writable) == wanted && slot.Root == root;
    }

    public void Note(ulong root, ulong address, bool write, ulong machine)
        => _slots[(int)(address >> PageSize.Shift) & (Slots.Count - 1)] = new Slot
        {
            Era = _era, Root = root, Page = address & ~PageSize.OffsetMask | (write ? Writable : 0), Machine = machine & ~PageSize.OffsetMask,
        };

    private struct Slot
    {
        public ulong Era, Root, Page, Machine;
    }

    [InlineArray(Count)]
    private struct Slots
    {
        public const int Count = 4;

        private Slot _first;
    }
}
