using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>An operation on the lowest lanes; the destination's other lanes stay.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct ScalarArithmetic<TOperation, T> : IFloatInstruction
    where TOperation : struct, IFloatOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var target = Xmm.At(s, op->Dst);
        if (!TOperation.NeedsPlain || Mxcsr.IsPlain(s))
        {
            Vector128<T> a = target->As<byte, T>(), b = source.As<byte, T>();
            var result = TOperation.Host(a, b);
            if (FloatLanes<T>.Lowest(TOperation.IsSafe(a, b, result)))
            {
                *(T*)target = result.ToScalar();
                return true;
            }
        }
        return DoExactly(s, op, source);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, Vector128<byte> source)
    {
        var target = Xmm.At(s, op->Dst);
        var status = Mxcsr.Status(s);
        ulong a = FloatLanes<T>.Get(target, 0), b = FloatLanes<T>.Get(&source, 0);
        var result = FloatLanes<T>.IsSingle ? TOperation.Exact<Binary32>(ref status, a, b, 0) : TOperation.Exact<Binary64>(ref status, a, b, 0);
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        FloatLanes<T>.Set(target, 0, result);
        return true;
    }
}

/// <summary>An operation on all lanes.</summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct PackedArithmetic<TOperation, T> : IFloatInstruction
    where TOperation : struct, IFloatOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source) => Do(s, op, *Xmm.At(s, op->Dst), source);

    /// <summary>The same with a first operand that is not the destination's old value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> first, Vector128<byte> second)
    {
        if (!TOperation.NeedsPlain || Mxcsr.IsPlain(s))
        {
            Vector128<T> a = first.As<byte, T>(), b = second.As<byte, T>();
            var result = TOperation.Host(a, b);
            if (FloatLanes<T>.All(TOperation.IsSafe(a, b, result)))
            {
                *Xmm.At(s, op->Dst) = result.AsByte();
                return true;
            }
        }
        return DoExactly(s, op, first, second);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DoExactly(CpuState* s, Op* op, Vector128<byte> first, Vector128<byte> second)
    {
        var status = Mxcsr.Status(s);
        var results = Vector128<byte>.Zero;
        for (var i = 0; i < Vector128<T>.Count; i++)
        {
            ulong a = FloatLanes<T>.Get(&first, i), b = FloatLanes<T>.Get(&second, i);
            FloatLanes<T>.Set(&results, i, FloatLanes<T>.IsSingle
                ? TOperation.Exact<Binary32>(ref status, a, b, i)
                : TOperation.Exact<Binary64>(ref status, a, b, i));
        }
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        *Xmm.At(s, op->Dst) = results;
        return true;
    }
}

/// <summary><c>haddps</c> and its kin: neighbours with each other, the destination's first.</summary>
// SAFETY: see PackedArithmetic.
internal readonly unsafe struct HorizontalArithmetic<TOperation, T> : IFloatInstruction
    where TOperation : struct, IFloatOperation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var target = *Xmm.At(s, op->Dst);
        if (!FloatLanes<T>.IsSingle)
            return PackedArithmetic<TOperation, T>.Do(s, op, JoinLowHalves.Do(target, source, 0), JoinHighHalves.Do(target, source, 0));
        const byte even = 0x88, odd = 0xdd;
        return PackedArithmetic<TOperation, T>.Do(s, op, ShuffleSingles.Do(target, source, even), ShuffleSingles.Do(target, source, odd));
    }
}
