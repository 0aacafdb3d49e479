using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

// Sums of neighbours: those of the destination come first, then those of the source.

/// <summary><c>phaddw</c>.</summary>
internal readonly struct AddNeighbourWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Narrow(Neighbours.Sum(a.AsInt32()), Neighbours.Sum(b.AsInt32())).AsByte();
}

/// <summary><c>phsubw</c>: the upper neighbour is subtracted.</summary>
internal readonly struct SubtractNeighbourWords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Narrow(Neighbours.Difference(a.AsInt32()), Neighbours.Difference(b.AsInt32())).AsByte();
}

/// <summary><c>phaddsw</c>.</summary>
internal readonly struct AddNeighbourWordsSaturated : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => LanePacking.Signed(Neighbours.Sum(a.AsInt32()), Neighbours.Sum(b.AsInt32())).AsByte();
}

/// <summary><c>phsubsw</c>.</summary>
internal readonly struct SubtractNeighbourWordsSaturated : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => LanePacking.Signed(Neighbours.Difference(a.AsInt32()), Neighbours.Difference(b.AsInt32())).AsByte();
}

/// <summary><c>phaddd</c>.</summary>
internal readonly struct AddNeighbourDwords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Narrow(a.AsUInt64() + (a.AsUInt64() >>> 32), b.AsUInt64() + (b.AsUInt64() >>> 32)).AsByte();
}

/// <summary><c>phsubd</c>.</summary>
internal readonly struct SubtractNeighbourDwords : IVectorOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
        => Vector128.Narrow(a.AsUInt64() - (a.AsUInt64() >>> 32), b.AsUInt64() - (b.AsUInt64() >>> 32)).AsByte();
}

/// <summary>Both words of each doubleword together, exactly.</summary>
internal static class Neighbours
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Sum(Vector128<int> pairs) => ((pairs << 16) >> 16) + (pairs >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Difference(Vector128<int> pairs) => ((pairs << 16) >> 16) - (pairs >> 16);
}
