using System.Runtime.InteropServices;
using Iced.Intel;

namespace Pv.Tests.Instructions;

/// <summary>Results that the architecture gives within a bound only, so that processors differ: <c>rcpps</c>, <c>rsqrtps</c> and their scalars.</summary>
internal static class Approximations
{
    /// <summary>Twice the relative error of 1.5 · 2^-12 that each side may have.</summary>
    private const double Bound = 3.0 / 4096, LeastNormal = 1.17549435E-38;

    /// <summary>The register that a row's instruction writes such results to.</summary>
    public static Register Destination(Row row)
        => row.Form.First.Mnemonic is Mnemonic.Rcpps or Mnemonic.Rcpss or Mnemonic.Rsqrtps or Mnemonic.Rsqrtss ? row.Form.First.Op0Register : Register.None;

    /// <summary>Whether two vectors have the same lanes, or numbers that are near each other.</summary>
    public static bool AreAlike(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var x = MemoryMarshal.Cast<byte, float>(a);
        var y = MemoryMarshal.Cast<byte, float>(b);
        for (var i = 0; i < x.Length; i++)
            if (BitConverter.SingleToUInt32Bits(x[i]) != BitConverter.SingleToUInt32Bits(y[i]) && !IsNear(x[i], y[i]))
                return false;
        return true;
    }

    /// <summary>A number that lies within its error of denormal ones may have become zero.</summary>
    private static bool IsNear(float a, float b)
        => float.IsFinite(a) && float.IsFinite(b) && float.IsNegative(a) == float.IsNegative(b)
            && (Math.Abs((double)a - b) <= Bound * Math.Abs(a) || Math.Max(Math.Abs(a), Math.Abs(b)) <= (1 + Bound) * LeastNormal);
}
