namespace Pv.Tests.Fuzzing;

/// <summary>A queue of asynchronous calls as the guest knows it.</summary>
/// <param name="Entries">How many it holds.</param>
/// <param name="Frames">Its frames, by their numbers among those that the guest plays with: header, completions, submissions.</param>
internal sealed record FuzzQueue(uint Entries, int[] Frames)
{
    public uint Produced { get; set; }

    public uint Consumed { get; set; }

    /// <summary>The hypervisor said that it was stopped.</summary>
    public bool IsStopped { get; set; }
}
