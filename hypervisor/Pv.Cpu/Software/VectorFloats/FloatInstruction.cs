using System.Runtime.Intrinsics;

namespace Pv.Cpu.Software;

/// <summary>
/// A floating-point instruction of SSE: what it does with its source. Its destination is named by the operation, its exceptions go to MXCSR.
/// </summary>
// SAFETY: implementations write the registers that the operation names.
internal unsafe interface IFloatInstruction
{
    /// <summary>False after #XM: then nothing but MXCSR changed.</summary>
    static abstract bool Do(CpuState* s, Op* op, Vector128<byte> source);
}

/// <summary>Arithmetic on one lane of two vectors, exactly and as the host does it.</summary>
internal interface IFloatOperation
{
    /// <summary>Whether the host's way is right only with everything masked, rounding to nearest and precision already reported.</summary>
    static abstract bool NeedsPlain { get; }

    /// <summary>The result and the exceptions of one lane.</summary>
    static abstract ulong Exact<TFormat>(ref FloatStatus status, ulong a, ulong b, int lane)
        where TFormat : struct, IFloatFormat;

    static abstract Vector128<T> Host<T>(Vector128<T> a, Vector128<T> b)
        where T : unmanaged;

    /// <summary>All ones in lanes where the host's result is right and raises nothing, precision apart.</summary>
    static abstract Vector128<T> IsSafe<T>(Vector128<T> a, Vector128<T> b, Vector128<T> result)
        where T : unmanaged;
}
