using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary><c>setcc</c> and <c>cmovcc</c> of registers.</summary>
// SAFETY: see CpuState and Op.
internal static unsafe class ConditionalHandlers
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SetReg<TCondition, TSource>(CpuState* s, Op* op)
        where TCondition : struct, ICondition
        where TSource : struct, IFlagSource
    {
        Core.Set(s, op->Dst, (byte)(TSource.Test<TCondition>(s) ? 1 : 0));
        Core.Next(s, op);
    }

    /// <summary>Both sizes: a 32-bit move clears the upper half even when the condition is false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MoveReg<TCondition, TSource, T>(CpuState* s, Op* op)
        where TCondition : struct, ICondition
        where TSource : struct, IFlagSource
        where T : unmanaged
    {
        Core.Set(s, op->Dst, TSource.Test<TCondition>(s) ? Core.Get<T>(s, op->Src) : Core.Get<T>(s, op->Dst));
        Core.Next(s, op);
    }
}
