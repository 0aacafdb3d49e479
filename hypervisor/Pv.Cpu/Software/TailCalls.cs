using System.Runtime.CompilerServices;

namespace Pv.Cpu.Software;

/// <summary>
/// Whether the runtime makes jumps of the calls at the ends of handlers, as optimized x64 code does. Where it does not (a build
/// without optimization), blocks are cut to one instruction so that the stack stays shallow: slow, but right.
/// </summary>
// SAFETY: the addresses of locals are compared, never used.
internal static unsafe class TailCalls
{
    private const int Calls = 8;

    public static bool AreMade { get; } = Measure();

    private static bool Measure()
    {
        var ops = stackalloc Op[Calls + 1];
        for (var i = 0; i < Calls; i++)
            ops[i].Handler = &Probe;
        ops[Calls].Handler = &Stop;
        Probe(null, ops);
        return ops[1].Disp == ops[Calls - 1].Disp;
    }

    /// <summary>Notes the stack's depth and goes on as handlers do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Probe(CpuState* s, Op* op)
    {
        op->Disp = Depth();
        Core.Next(s, op);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stop(CpuState* s, Op* op)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static nint Depth()
    {
        byte here;
        return (nint)(&here);
    }
}
