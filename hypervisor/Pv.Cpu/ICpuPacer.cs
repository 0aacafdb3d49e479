namespace Pv.Cpu;

/// <summary>Says how many instructions a vCPU may do at a stretch: how the deterministic mode counts time and lets others run in between.</summary>
public interface ICpuPacer
{
    /// <summary>
    /// Called on the thread of <see cref="ICpuVcpu.Run"/> when guest code begins to run and when what was allowed is done, at the end of a block.
    /// May take long.
    /// </summary>
    /// <param name="retired">The instructions completed so far, as <see cref="ICpuVcpu.InstructionsRetired"/> counts.</param>
    /// <returns>How many more until the next call, at most a block more; positive.</returns>
    long Next(ulong retired);
}
