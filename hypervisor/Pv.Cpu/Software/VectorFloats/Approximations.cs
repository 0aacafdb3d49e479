using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// A function that SSE gives with a relative error of up to 1.5 · 2^-12, without exceptions and without regard to MXCSR: denormal operands
/// are zeros, tiny results are zeros. Here they are as good as a float can be.
/// </summary>
internal interface IApproximation
{
    /// <summary>For positive normal numbers.</summary>
    static abstract double Of(double value);

    /// <summary>Whether there is no result for negative numbers.</summary>
    static abstract bool NeedsPositive { get; }
}

/// <summary><c>rcpps</c>, <c>rcpss</c>.</summary>
internal readonly struct Reciprocal : IApproximation
{
    public static bool NeedsPositive => false;

    public static double Of(double value) => 1 / value;
}

/// <summary><c>rsqrtps</c>, <c>rsqrtss</c>.</summary>
internal readonly struct ReciprocalRoot : IApproximation
{
    public static bool NeedsPositive => true;

    public static double Of(double value) => 1 / Math.Sqrt(value);
}

/// <summary>An approximation in all lanes, or in the lowest one.</summary>
internal readonly struct Approximate<TFunction, TLanes> : IVectorOperation
    where TFunction : struct, IApproximation
    where TLanes : struct, ILaneCount
{
    private const uint Sign = 0x8000_0000, Infinity = 0x7f80_0000, Quiet = 0x0040_0000, Least = 0x0080_0000;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<byte> Do(Vector128<byte> a, Vector128<byte> b, byte immediate)
    {
        var lanes = b.AsUInt32();
        if (TLanes.IsScalar)
            return a.AsUInt32().WithElement(0, Of(lanes.ToScalar())).AsByte();
        return Vector128.Create(Of(lanes.GetElement(0)), Of(lanes.GetElement(1)), Of(lanes.GetElement(2)), Of(lanes.GetElement(3))).AsByte();
    }

    private static uint Of(uint bits)
    {
        var (sign, magnitude) = (bits & Sign, bits & ~Sign);
        if (magnitude > Infinity)
            return bits | Quiet;
        if (magnitude < Least)
            return sign | Infinity;
        if (TFunction.NeedsPositive && sign != 0)
            return Sign | Infinity | Quiet;
        if (magnitude == Infinity)
            return sign;
        var result = BitConverter.SingleToUInt32Bits((float)TFunction.Of(BitConverter.UInt32BitsToSingle(magnitude)));
        return sign | (result < Least ? 0 : result);
    }
}
