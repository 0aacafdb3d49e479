namespace Pv.Cpu.Software;

/// <summary>Where translated code finds the fields of <see cref="CpuState"/>.</summary>
// SAFETY: addresses of a local's fields are subtracted, never used.
internal static unsafe class StateOffsets
{
    public static readonly int Tlb, MapTag, Retired, Limit, SegmentBases, Rip, NativeFlags, NativeSite, NativeJumps, NativeData,
        NativeVectorsAway, NativeVectorsRefused, Guest;

    /// <summary>Where the vector registers and MXCSR are in <see cref="GuestRegisters"/>.</summary>
    public static readonly int Vectors, VectorControl;

    private const int ControlOffset = 24;

    static StateOffsets()
    {
        var state = default(CpuState);
        var start = (byte*)&state;
        Tlb = (int)((byte*)&state.Tlb - start);
        MapTag = (int)((byte*)&state.MapTag - start);
        Retired = (int)((byte*)&state.Retired - start);
        Limit = (int)((byte*)&state.Limit - start);
        SegmentBases = (int)((byte*)state.SegmentBases - start);
        Rip = (int)((byte*)&state.Rip - start);
        NativeFlags = (int)((byte*)&state.NativeFlags - start);
        NativeSite = (int)((byte*)&state.NativeSite - start);
        NativeJumps = (int)((byte*)&state.NativeJumps - start);
        NativeData = (int)((byte*)&state.NativeData - start);
        NativeVectorsAway = (int)((byte*)&state.NativeVectorsAway - start);
        NativeVectorsRefused = (int)((byte*)&state.NativeVectorsRefused - start);
        Guest = (int)((byte*)&state.Guest - start);
        var guest = default(GuestRegisters);
        var image = (int)((byte*)&guest.Fx - (byte*)&guest);
        Vectors = image + Xmm.ImageOffset;
        VectorControl = image + ControlOffset;
    }
}

/// <summary>The same for <see cref="NativeBlock"/>.</summary>
// SAFETY: as above.
internal static unsafe class NativeBlockOffsets
{
    public static readonly int NegativeRip, NegativeTag, Entry, Page, TlbOffset, NegativeAddend, Rip;

    static NativeBlockOffsets()
    {
        var block = default(NativeBlock);
        var start = (byte*)&block;
        NegativeRip = (int)((byte*)&block.NegativeRip - start);
        NegativeTag = (int)((byte*)&block.NegativeTag - start);
        Entry = (int)((byte*)&block.Entry - start);
        Page = (int)((byte*)&block.Page - start);
        TlbOffset = (int)((byte*)&block.TlbOffset - start);
        NegativeAddend = (int)((byte*)&block.NegativeAddend - start);
        Rip = (int)((byte*)&block.Rip - start);
    }
}
