using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>One lane's conversion, from and to words of 4 or 8 bytes.</summary>
internal interface ILaneConversion
{
    static abstract int FromBytes { get; }

    static abstract int ToBytes { get; }

    static abstract ulong Do(ref FloatStatus status, ulong value);
}

/// <summary><c>cvtps2pd</c>, <c>cvtpd2ps</c>.</summary>
internal readonly struct ConvertFloats<TFrom, TTo> : ILaneConversion
    where TFrom : struct, IFloatFormat
    where TTo : struct, IFloatFormat
{
    public static int FromBytes => TFrom.Width / 8;

    public static int ToBytes => TTo.Width / 8;

    public static ulong Do(ref FloatStatus status, ulong value) => FloatConversion.Convert<TFrom, TTo>(ref status, value);
}

/// <summary><c>cvtdq2ps</c>, <c>cvtdq2pd</c>.</summary>
internal readonly struct ConvertFromIntegers<TTo> : ILaneConversion
    where TTo : struct, IFloatFormat
{
    public static int FromBytes => 4;

    public static int ToBytes => TTo.Width / 8;

    public static ulong Do(ref FloatStatus status, ulong value) => FloatConversion.FromInteger<TTo>(ref status, (int)value);
}

/// <summary><c>cvtps2dq</c>, <c>cvttps2dq</c>, <c>cvtpd2dq</c>, <c>cvttpd2dq</c>.</summary>
internal readonly struct ConvertToIntegers<TFrom, TRounding> : ILaneConversion
    where TFrom : struct, IFloatFormat
    where TRounding : struct, IIntegerRounding
{
    public static int FromBytes => TFrom.Width / 8;

    public static int ToBytes => 4;

    public static ulong Do(ref FloatStatus status, ulong value)
        => (uint)FloatConversion.ToInteger<TFrom>(ref status, value, TRounding.Truncates ? RoundingMode.TowardZero : status.Rounding, 32);
}

/// <summary>A conversion of as many lanes as both sides have; the destination's rest becomes zero.</summary>
// SAFETY: writes the XMM register that the operation names; lanes are counted by their sizes.
internal readonly unsafe struct PackedConversion<TConversion> : IFloatInstruction
    where TConversion : struct, ILaneConversion
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        var results = Vector128<byte>.Zero;
        for (var i = 0; i < 16 / Math.Max(TConversion.FromBytes, TConversion.ToBytes); i++)
        {
            var result = TConversion.Do(ref status, TConversion.FromBytes == 4 ? ((uint*)&source)[i] : ((ulong*)&source)[i]);
            if (TConversion.ToBytes == 4)
                ((uint*)&results)[i] = (uint)result;
            else
                ((ulong*)&results)[i] = result;
        }
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        *Xmm.At(s, op->Dst) = results;
        return true;
    }
}
