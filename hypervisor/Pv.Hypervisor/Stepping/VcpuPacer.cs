using Pv.Cpu;

namespace Pv.Hypervisor.Stepping;

/// <summary>Turns the instructions of a vCPU's code into time, and lets others run between them.</summary>
internal sealed class VcpuPacer(Stepper stepper) : ICpuPacer
{
    private ulong _counted;

    public long Next(ulong retired)
    {
        Count(retired);
        stepper.Point();
        return stepper.DrawInstructions();
    }

    /// <summary>So many instructions are done: a nanosecond each.</summary>
    public void Count(ulong retired)
    {
        stepper.Clock.Advance(retired - _counted);
        _counted = retired;
    }
}
