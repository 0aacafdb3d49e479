using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>16 bytes that must be aligned, as operands of legacy SSE instructions must.</summary>
// SAFETY: reads as many bytes as it says that it reads.
internal readonly unsafe struct AlignedWhole : IVectorSource
{
    public static int Bytes => 16;

    public static bool MustBeAligned => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* from) => Vector128.Load(from);
}

/// <summary>16 bytes anywhere.</summary>
// SAFETY: reads as many bytes as it says that it reads.
internal readonly unsafe struct UnalignedWhole : IVectorSource
{
    public static int Bytes => 16;

    public static bool MustBeAligned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* from) => Vector128.Load(from);
}

/// <summary>A scalar anywhere; the rest of the vector is zero.</summary>
// SAFETY: reads as many bytes as it says that it reads.
internal readonly unsafe struct Scalar<T> : IVectorSource
    where T : unmanaged
{
    public static int Bytes => sizeof(T);

    public static bool MustBeAligned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* from) => Vector128.CreateScalar(Flags.Wide(*(T*)from)).AsByte();
}
