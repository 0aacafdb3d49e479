using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>
/// Whether the runtime makes jumps of the calls at the ends of handlers, as optimized x64 code does. Where it does not (a build
/// without optimization), blocks are cut to one instruction so that the stack stays shallow: slow, but right.
/// </summary>
// SAFETY: the addresses of locals are compared, never used.
internal static unsafe class TailCalls
{
    private static nint s_first, s_second;

    public static bool AreMade { get; } = Measure();

    private static bool Measure()
    {
        First(null, null);
        return s_first == s_second;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void First(CpuState* s, Op* op)
    {
        s_first = Depth();
        Handler next = &Second;
        next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Second(CpuState* s, Op* op) => s_second = Depth();

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static nint Depth()
    {
        byte here;
        return (nint)(&here);
    }
}
