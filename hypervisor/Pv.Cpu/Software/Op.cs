using System.Runtime.InteropServices;

namespace Pv.Cpu.Software;

/// <summary>
/// One decoded operation: a handler and its operands, 32 bytes. A terminator is followed by an <see cref="Links"/> in the next slot.
/// </summary>
// SAFETY: operations live in a BlockCache's arena and stay readable until the cache is emptied, which happens only between blocks.
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct Op
{
    public Handler Handler;

    /// <summary>
    /// The displacement of a memory operand (absolute for rip-relative ones), a 64-bit immediate, a jump's target,
    /// or the address of a <see cref="GeneralRecord"/>.
    /// </summary>
    public long Disp;

    public int Imm;

    /// <summary>Byte offsets into <see cref="CpuState"/>.</summary>
    public byte Dst, Src, Base, Index;

    /// <summary>The shift of the index register; bit 7: the address is cut to 32 bits.</summary>
    public byte Scale;

    /// <summary>0: none, 1: FS, 2: GS; bit 7: an address that is not canonical raises #SS instead of #GP.</summary>
    public byte Segment;

    /// <summary>The instruction's place behind the block's first byte.</summary>
    public ushort Offset;

    /// <summary>The operation's place behind the block's header.</summary>
    public byte Slot;

    /// <summary>How many instructions of the block come before this one.</summary>
    public byte Count;

    /// <summary>The instruction's length (of both, where two are fused).</summary>
    public byte Length;

    /// <summary>Terminators: how many instructions the whole block has.</summary>
    public byte Total;

    public const byte Address32 = 0x80;
    public const byte StackSegment = 0x80;
}

/// <summary>A way from one block to the next, good while <see cref="CpuState.MapTag"/> is what it was when the link was set.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Link
{
    public Op* Target;
    public ulong Tag;
}

/// <summary>The ways out of a block: what a terminator's second slot holds.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct Links
{
    public Link Taken;
    public Link Fall;
}

/// <summary>A target that an indirect jump found before.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct JumpEntry
{
    /// <summary>How many the table has: a power of two.</summary>
    public const int Count = 4096;

    public ulong Rip;
    public ulong Tag;
    public Op* Target;
}

/// <summary>A run of decoded instructions: this header, then its operations.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct Block
{
    public ulong Rip;

    /// <summary>The frame of the first byte, and that of the last: the same but for a single instruction that crosses pages.</summary>
    public ulong Frame, LastFrame;

    /// <summary>The next block of the same first frame, and of the same last frame.</summary>
    public Block* NextOfFrame, NextOfLastFrame;

    public int Slots;
    public int Bytes;
    public bool Dropped;

    /// <summary>Whether the first operation is not an instruction's, but counts how often the block is entered.</summary>
    public bool Counts;

    /// <summary>The block as the host's own code, or null.</summary>
    public NativeBlock* Native;

    /// <summary>The operation of the first instruction.</summary>
    public static Op* First(Block* block) => (Op*)(block + 1) + (block->Counts ? 1 : 0);
}
