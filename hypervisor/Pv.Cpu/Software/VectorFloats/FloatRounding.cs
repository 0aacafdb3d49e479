using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// <c>roundps</c>, <c>roundpd</c>; with one lane, <c>roundss</c> and <c>roundsd</c>. The constant: rounding mode, or (bit 2) MXCSR's;
/// bit 3: precision is not reported.
/// </summary>
// SAFETY: writes the XMM register that the operation names.
internal readonly unsafe struct RoundFloats<T, TLanes> : IFloatInstruction
    where T : unmanaged
    where TLanes : struct, ILaneCount
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Do(CpuState* s, Op* op, Vector128<byte> source)
    {
        var status = Mxcsr.Status(s);
        var mode = (op->Imm & 4) != 0 ? status.Rounding : (RoundingMode)(op->Imm & 3);
        var report = (op->Imm & 8) == 0;
        var target = Xmm.At(s, op->Dst);
        var results = *target;
        for (var i = 0; i < (TLanes.IsScalar ? 1 : Vector128<T>.Count); i++)
        {
            var bits = FloatLanes<T>.Get(&source, i);
            FloatLanes<T>.Set(&results, i, FloatLanes<T>.IsSingle
                ? FloatConversion.RoundToIntegral<Binary32>(ref status, bits, mode, report)
                : FloatConversion.RoundToIntegral<Binary64>(ref status, bits, mode, report));
        }
        if (!Mxcsr.TryCommit(s, op, status))
            return false;
        *target = results;
        return true;
    }
}
