using System.Runtime.InteropServices;

namespace Pv.Cpu.Software;

/// <summary>
/// A block as the host's own code: what translated code must know to go there, then the block's header, its operations that the interpreter
/// does for it, and their records.
/// </summary>
/// <remarks>It is good for one linear address in one frame, whatever the root: who comes from elsewhere looks at the tag, or at the TLB.</remarks>
// SAFETY: lives in the data of a NativeCode; the operations stand behind it.
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeBlock
{
    /// <summary>Minus the linear address.</summary>
    public ulong NegativeRip;

    /// <summary>Minus the map tag for which the address is known to lead here.</summary>
    public ulong NegativeTag;

    public byte* Entry;

    /// <summary>The page, where its TLB entry is (from the table's start), and minus the addend that the entry has when the page leads here.</summary>
    public ulong Page, TlbOffset, NegativeAddend;

    public ulong Rip;

    /// <summary>The links that lead here.</summary>
    public NativeLink* Incoming;

    /// <summary>Where the entry is written, and the code that it is led to once it is dropped.</summary>
    public byte* WritableEntry, Stale;

    /// <summary>Where to go on behind each operation.</summary>
    public byte** Resumes;

    private readonly ulong _pad;

    public Block Block;

    /// <summary>Where to go on behind an operation, which is one of two slots.</summary>
    public static byte* ResumeOf(Op* op) => ((NativeBlock*)((byte*)(Core.BlockOf(op) + 1) - sizeof(NativeBlock)))->Resumes[op->Slot / 2];
}

/// <summary>A way from translated code to an address that the translation knew.</summary>
// SAFETY: as above; its addresses are in the code.
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeLink
{
    public ulong Rip;

    /// <summary>The jump, where it can be written, and the code that it leads to while it is not linked.</summary>
    public byte* Site, Stub;

    public NativeLink* Next;

    /// <summary>Whether the target lies in another page, so that the mapping must be looked at.</summary>
    public bool Crosses;
}

/// <summary>Why translated code came back: the low three bits of what it returns; the rest is a place in the data.</summary>
internal enum NativeExit
{
    /// <summary>An operation for the interpreter, then on.</summary>
    Operation,

    /// <summary>A link that is not set.</summary>
    Link,

    /// <summary>The limit was reached on the way along a link.</summary>
    Limit,

    /// <summary>An address that is not known.</summary>
    Indirect,

    /// <summary>The limit was reached on the way to an address.</summary>
    IndirectLimit,

    /// <summary>The interpreter goes on from an operation.</summary>
    Interpret,

    /// <summary>A translation that was dropped.</summary>
    Stale,
}
