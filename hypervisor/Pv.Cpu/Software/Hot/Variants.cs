using System.Runtime.CompilerServices;
using Pv.Abi;

namespace Pv.Cpu.Software;

/// <summary>A way to form a memory operand's address.</summary>
internal unsafe interface IAddress
{
    static abstract ulong Of(CpuState* s, Op* op);
}

/// <summary>A base and a displacement; rip-relative and absolute ones have the zero register for a base.</summary>
// SAFETY: offsets in Op name registers of CpuState.
internal readonly unsafe struct BaseAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(CpuState* s, Op* op) => Core.Get<ulong>(s, op->Base) + (ulong)op->Disp;
}

/// <summary>Base, scaled index, displacement.</summary>
// SAFETY: offsets in Op name registers of CpuState.
internal readonly unsafe struct IndexedAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(CpuState* s, Op* op)
        => Core.Get<ulong>(s, op->Base) + (Core.Get<ulong>(s, op->Index) << op->Scale) + (ulong)op->Disp;
}

/// <summary>Whatever an instruction can ask for: also FS and GS, and addresses of 32 bits.</summary>
// SAFETY: offsets in Op name registers of CpuState; Segment without its top bit is 0, 1 or 2.
internal readonly unsafe struct AnyAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(CpuState* s, Op* op)
    {
        var address = Core.Get<ulong>(s, op->Base) + (Core.Get<ulong>(s, op->Index) << (op->Scale & 3)) + (ulong)op->Disp;
        if ((op->Scale & Op.Address32) != 0)
            address = (uint)address;
        return address + s->SegmentBases[op->Segment & 3];
    }
}

/// <summary>A way to reach memory: straight through the soft TLB, or by every means.</summary>
/// <remarks>
/// A handler is compiled for <see cref="Straight"/>; when that says false it jumps to itself compiled for <see cref="Roundabout"/>,
/// for which false means that a fault's exit is set.
/// </remarks>
internal unsafe interface IAccess
{
    static abstract bool IsStraight { get; }

    static abstract bool Read(CpuState* s, Op* op, ulong address, int size, out byte* bytes);

    /// <summary>Where a value of <paramref name="size"/> bytes can be read and then written; <see cref="Commit"/> must follow.</summary>
    static abstract bool Update(CpuState* s, Op* op, ulong address, int size, out byte* bytes);

    static abstract void Commit(CpuState* s, Op* op, ulong address, byte* bytes, int size);
}

// SAFETY: gives out host addresses of TLB entries whose page holds all of the access.
internal readonly unsafe struct Straight : IAccess
{
    public static bool IsStraight => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Read(CpuState* s, Op* op, ulong address, int size, out byte* bytes)
    {
        var entry = SoftTlb.EntryOf(s, address);
        bytes = (byte*)(address + entry->Addend);
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) + entry->ReadKey == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Update(CpuState* s, Op* op, ulong address, int size, out byte* bytes)
    {
        var entry = SoftTlb.EntryOf(s, address);
        bytes = (byte*)(address + entry->Addend);
        return ((address + (ulong)(size - 1)) & ~PageSize.OffsetMask) + entry->WriteKey == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Commit(CpuState* s, Op* op, ulong address, byte* bytes, int size)
    {
    }
}

// SAFETY: see GuestMemory.
internal readonly unsafe struct Roundabout : IAccess
{
    public static bool IsStraight => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Read(CpuState* s, Op* op, ulong address, int size, out byte* bytes)
    {
        bytes = GuestMemory.Read(s, op, address, size);
        return bytes != null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Update(CpuState* s, Op* op, ulong address, int size, out byte* bytes)
    {
        bytes = GuestMemory.BeginUpdate(s, op, address, size);
        return bytes != null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Commit(CpuState* s, Op* op, ulong address, byte* bytes, int size) => GuestMemory.CommitUpdate(s, op, address, bytes, size);
}

/// <summary>Whether anybody can see the flags that an instruction makes.</summary>
internal interface IFlagUse
{
    static abstract bool Live { get; }
}

internal readonly struct LiveFlags : IFlagUse
{
    public static bool Live => true;
}

internal readonly struct DeadFlags : IFlagUse
{
    public static bool Live => false;
}
