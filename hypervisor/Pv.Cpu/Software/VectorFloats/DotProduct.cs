using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// <c>dpps</c>, <c>dppd</c>: the products of the lanes in bits 4 to 7 of the constant, added in pairs, into the lanes of bits 0 to 3.
/// Each multiplication and each addition has its own exceptions: those of a later one do not arise when an earlier one faults.
/// Each lane makes its own sum, so that lanes differ where two terms are NaNs: the order of operands is that of Intel's processors.
/// </summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct DotProduct<T> : IFloatInstruction
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
        => FloatLanes<T>.IsSingle ? Do<Binary32>(s, op, source) : Do<Binary64>(s, op, source);

    private static bool Do<TFormat>(CpuState* s, Op* op, Vector128<byte> source)
        where TFormat : struct, IFloatFormat
    {
        var target = Xmm.At(s, op->Dst);
        ulong* terms = stackalloc ulong[4], sums = stackalloc ulong[4];
        var status = Mxcsr.Status(s);
        for (var i = 0; i < Vector128<T>.Count; i++)
            terms[i] = (op->Imm >> (4 + i) & 1) != 0
                ? FloatArithmetic.Multiply<TFormat>(ref status, FloatLanes<T>.Get(target, i), FloatLanes<T>.Get(&source, i))
                : 0;
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        for (var distance = 1; distance < Vector128<T>.Count; distance *= 2)
        {
            status = Mxcsr.Status(s);
            for (var i = 0; i < Vector128<T>.Count; i++)
            {
                var other = terms[i ^ distance];
                sums[i] = distance == 1 && FloatLanes<T>.IsSingle
                    ? FloatArithmetic.Add<TFormat>(ref status, other, terms[i])
                    : FloatArithmetic.Add<TFormat>(ref status, terms[i], other);
            }
            if (!Mxcsr.TryCommit(s, op, status))
                return false;
            for (var i = 0; i < Vector128<T>.Count; i++)
                terms[i] = sums[i];
        }
        for (var i = 0; i < Vector128<T>.Count; i++)
            FloatLanes<T>.Set(target, i, (op->Imm >> i & 1) != 0 ? terms[i] : 0);
        return true;
    }
}
