using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>
/// SSE's control and status:
/// <code>
/// 15   14 13  12 … 7  6    5 … 0
/// FTZ  RC     masks   DAZ  raised: precision, underflow, overflow, divide by zero, denormal, invalid
/// </code>
/// </summary>
// SAFETY: lies in the guest's FXSAVE image, which is pinned while the vCPU runs.
internal static unsafe class Mxcsr
{
    private const int ImageOffset = 24;

    /// <summary>All but the five exceptions that a good result never raises.</summary>
    private const uint Considered = 0xffe0;

    /// <summary>Nothing special but that precision was raised before.</summary>
    private const uint Plain = 0x1fa0;

    /// <summary>Whether an inexact result, rounded to nearest, changes nothing here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(CpuState* s) => (Of(s) & Considered) == Plain;

    public static FloatStatus Status(CpuState* s) => FloatStatus.OfMxcsr(Of(s));

    /// <summary>Notes what an instruction raised. False after #XM.</summary>
    public static bool TryCommit(CpuState* s, Op* op, in FloatStatus status)
    {
        Of(s) |= (uint)status.Reported;
        return !status.MustFault || Core.Fault(s, op, ExceptionVector.SimdFault);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref uint Of(CpuState* s) => ref *(uint*)((byte*)&s->Guest->Fx + ImageOffset);
}
