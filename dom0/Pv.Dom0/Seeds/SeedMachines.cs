using Pv.Hypervisor;
using Pv.Hypervisor.Stepping;
using Pv.Toolstack.Seeds;

namespace Pv.Dom0.Seeds;

/// <summary>Makes a stepped host for each seed.</summary>
internal sealed class SeedMachines : ISeedMachines
{
    private const int MostPCpus = 8;

    /// <summary>A test's: breaks each machine's hypervisor before there are guests.</summary>
    internal Action<HypervisorCore>? Alter { get; init; }

    public SeedOutcome Run(IReadOnlyList<SeedGuest> guests, ulong seed, ulong nanoseconds)
    {
        IReadOnlyList<string> consoles = [];
        var run = new SeedSearch(Play) { MostPoints = ulong.MaxValue }.Run(seed);
        return new SeedOutcome(seed, run.Trace.Text, run.Trace.Hash, run.Trace.Count, run.Interleaving, run.Changes, run.Nanoseconds, consoles, run.Failure);

        string? Play(Stepper stepper, TraceLog trace)
        {
            using var host = new SteppedHost(
                stepper, trace, guests.Aggregate(0ul, (sum, guest) => sum + guest.MemoryKiB), Math.Clamp(guests.Sum(guest => guest.Vcpus), 1, MostPCpus), Alter);
            try
            {
                foreach (var guest in guests)
                    host.Add(guest);
                return host.Run(nanoseconds);
            }
            finally
            {
                consoles = host.Consoles;
            }
        }
    }
}
