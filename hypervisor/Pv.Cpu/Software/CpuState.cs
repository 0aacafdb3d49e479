global using unsafe Handler = delegate*<Pv.Cpu.Software.CpuState*, Pv.Cpu.Software.Op*, void>;

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pv.Cpu.Software;

/// <summary>
/// A vCPU's state while its code runs: what handlers touch at every instruction, in one place outside the moving heap.
/// Registers come first, so that a byte offset from the start names one (<c>ah</c> is offset 1).
/// </summary>
/// <remarks>
/// One thread at a time, except for <see cref="Limit"/>, which any thread may set to 0 to make the vCPU look up.
/// Arithmetic flags are lazy: see <see cref="Flags"/>.
/// </remarks>
// SAFETY: lives in a pinned array of its vCPU, which outlives every pointer to it; offsets come from the decoder alone.
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CpuState
{
    /// <summary>The offset of a register that always reads as zero: the base or index of an operand that has none.</summary>
    public const byte ZeroOffset = 16 * 8;

    /// <summary>The sixteen general registers and the zero register.</summary>
    public fixed ulong Registers[17];

    public ulong FlagA;
    public ulong FlagB;
    public uint FlagKind;

    /// <summary>RFLAGS without the six arithmetic flags.</summary>
    public uint SystemFlags;

    public TlbEntry* Tlb;

    /// <summary>The number that the present view of memory has; a link or a remembered jump of another number is void.</summary>
    public ulong MapTag;

    public JumpEntry* Jumps;

    /// <summary>Instructions completed.</summary>
    public long Retired;

    /// <summary>When <see cref="Retired"/> reaches this, the block that runs is the last before the vCPU looks up.</summary>
    public long Limit;

    /// <summary>Zero, then the bases of FS and GS: indexed by <see cref="Op.Segment"/>.</summary>
    public fixed ulong SegmentBases[3];

    /// <summary>Where to go on. Valid whenever no handler runs.</summary>
    public ulong Rip;

    /// <summary>The link to set once the block at <see cref="Rip"/> is found, or null.</summary>
    public Link* PendingLink;

    /// <summary>The block that was entered often enough to be translated, or null.</summary>
    public Block* Hot;

    /// <summary>Where the slow path puts a value that has no host address of its own (it crosses pages).</summary>
    public fixed ulong Bounce[8];

    /// <summary>The flags at the way into and out of translated code: bit 0 is the overflow flag, the second byte is as <c>lahf</c> has it.</summary>
    public ulong NativeFlags;

    /// <summary>The indirect jump that was last taken in translated code: its operation's place in the data.</summary>
    public ulong NativeSite;

    /// <summary>The translations by address, and what their places count from (see <see cref="NativeCode"/>).</summary>
    public byte* NativeJumps, NativeData;

    /// <summary>
    /// Whether the vector registers were in the host's (0) when translated code left, and must be when it goes on; not 0: whether they must not.
    /// </summary>
    public ulong NativeVectorsAway, NativeVectorsRefused;

    public GuestRegisters* Guest;
    public nint Vcpu;

    /// <summary>The host's 16-byte exchange (see <see cref="HostExchange"/>), or null.</summary>
    public WideExchanger WideExchanger;

    /// <summary>An operation that translated code left to the interpreter was done to its end.</summary>
    public bool IsDone;

    /// <summary>Whether the vCPU must return from <see cref="ICpuVcpu.Run"/>, and with what.</summary>
    public bool HasExit;

    public CpuExitKind ExitKind;
    public byte ExitVector;
    public uint ExitError;
    public ulong ExitAddress;

    /// <summary>Whether instructions run one by one, with #DB after each (RFLAGS.TF).</summary>
    public bool Stepping;

    /// <summary>
    /// Whether accesses that are not aligned to their size raise #AC (RFLAGS.AC; Xen, as every kernel, keeps CR0.AM set). All accesses take
    /// the slow way then, which looks.
    /// </summary>
    public bool ChecksAlignment;

    /// <summary>What the guest writes is watched: see <see cref="IdleProbe"/>.</summary>
    public bool Probing;

    /// <summary>The instruction just done holds the single-step trap back (mov ss, pop ss).</summary>
    public bool StepShadow;
}

/// <summary>What the handlers share: registers, going on, leaving.</summary>
// SAFETY: see CpuState and Op; every offset and pointer was made by the decoder for the block that runs.
internal static unsafe class Core
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Get<T>(CpuState* s, byte offset) where T : unmanaged => *(T*)((byte*)s + offset);

    /// <summary>Writes a register as the processor does: 32 bits clear the upper half, 8 and 16 keep the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set<T>(CpuState* s, byte offset, T value) where T : unmanaged
    {
        if (typeof(T) == typeof(uint))
            *(ulong*)((byte*)s + offset) = (uint)(object)value;
        else
            *(T*)((byte*)s + offset) = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref ulong Reg(CpuState* s, int number) => ref ((ulong*)s)[number];

    /// <summary>Goes on with the next operation of the block. Always the last call of a handler: it becomes a jump.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Next(CpuState* s, Op* op) => op[1].Handler(s, op + 1);

    /// <summary>The address of the operation's instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong RipOf(Op* op) => BlockOf(op)->Rip + op->Offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong NextRip(Op* op) => RipOf(op) + op->Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Block* BlockOf(Op* op) => (Block*)(op - op->Slot) - 1;

    /// <summary>Ends the block after this instruction; the vCPU goes on at <paramref name="rip"/>. Always false.</summary>
    public static bool Complete(CpuState* s, Op* op, ulong rip)
    {
        s->Retired += op->Count + 1;
        s->Rip = rip;
        return false;
    }

    /// <summary>Leaves with an exception at this instruction, which did nothing. Always false.</summary>
    public static bool Fault(CpuState* s, Op* op, byte vector, uint error = 0, ulong address = 0)
    {
        s->Retired += op->Count;
        s->Rip = RipOf(op);
        SetExit(s, CpuExitKind.Exception, vector, error, address);
        return false;
    }

    /// <summary>Leaves with an exception behind this instruction, which is done. Always false.</summary>
    public static bool Trap(CpuState* s, Op* op, byte vector)
    {
        Complete(s, op, NextRip(op));
        SetExit(s, CpuExitKind.Exception, vector);
        return false;
    }

    public static void SetExit(CpuState* s, CpuExitKind kind, byte vector = 0, uint error = 0, ulong address = 0)
    {
        s->HasExit = true;
        s->ExitKind = kind;
        s->ExitVector = vector;
        s->ExitError = error;
        s->ExitAddress = address;
    }

    /// <summary>Whether an address is the sign extension of its lower 48 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsCanonical(ulong address) => (ulong)(((long)address << 16) >> 16) == address;
}
