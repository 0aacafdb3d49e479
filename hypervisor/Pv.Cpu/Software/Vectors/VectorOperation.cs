using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// What an instruction makes of its destination's old value, its source and its constant, without regard to where they are. Pure.
/// </summary>
/// <remarks>
/// A source that is shorter than a register comes zero-extended; an instruction without a constant has 0. Lane by lane operations serve the
/// 64-bit registers as well: their lower half depends on the lower halves alone.
/// Bodies that are inlined must not take addresses of locals: a handler that does cannot end in a jump.
/// </remarks>
internal interface IVectorOperation
{
    static abstract Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate);
}

/// <summary>What an instruction takes out of a vector into a general register or memory. Pure.</summary>
internal interface IVectorExtraction
{
    static abstract ulong Do(Vector128<byte> a, byte immediate);
}

/// <summary>How a memory operand becomes a vector.</summary>
// SAFETY: an interface; who implements it reads the bytes that Bytes tells, and the caller has checked those.
internal unsafe interface IVectorSource
{
    /// <summary>The bytes that are read.</summary>
    static abstract int Bytes { get; }

    /// <summary>Whether an address that is no multiple of 16 raises #GP.</summary>
    static abstract bool MustBeAligned { get; }

    static abstract Vector128<byte> Load(byte* from);
}
