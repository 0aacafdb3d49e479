using Pv.Abi;

namespace Pv.Hypervisor.Memory;

/// <summary>What a frame is used as, exclusively: it changes only when nobody uses the frame as the old one.</summary>
public enum FrameType : byte
{
    None = 0,
    L1Table = 1,
    L2Table = 2,
    L3Table = 3,
    L4Table = 4,

    /// <summary>Holds descriptors of a GDT or LDT.</summary>
    SegmentDescriptors = 5,

    /// <summary>Mapped writable, or about to be.</summary>
    Writable = 7,
}

/// <summary>A frame's row in the frame table. Changed only in <c>Memory/</c> and <c>Paging/</c>, atomically.</summary>
/// <remarks>
/// <code>
/// Use    63      62     61       60    59..56  55..32  31..0
///        pinned  valid  partial  busy  type    0       type count
/// Count  63         62   61..32  31..0
///        allocated  xen  0       references (one of them is the allocation itself)
/// </code>
/// </remarks>
internal struct FrameInfo
{
    public ulong Use;
    public ulong Count;

    /// <summary>The neighbours in the owner's list of frames; 0 ends it. The owner's page lock guards them.</summary>
    public uint Next, Previous;

    /// <summary>
    /// The value of <see cref="FrameTable.FlushClock"/> when the frame was last used as its present type. It only rises while the frame has
    /// an owner.
    /// </summary>
    public ulong Stamp;

    /// <summary>The owner, while allocated.</summary>
    public DomId Owner;

    /// <summary>Of a partially validated table: how many entries, from the first, hold their references. The frame's <c>busy</c> bit guards it.</summary>
    public ushort ValidatedEntries;

    /// <summary>
    /// Linear page tables: positive, how many entries of this table refer to tables of its own level; negative, how many such entries refer
    /// to this one. Never both, so that linear maps are one step deep.
    /// </summary>
    public int LinearCount;
}
