using Pv.Abi;
using Pv.Hypervisor;
using Pv.Hypervisor.Paging;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// Numbers that change when the hypervisor's accounts do, cheap enough to be taken around every call that is refused. Those of frames (owners, types
/// and counts of all) are always looked at; those of grants in use and of channels around calls that are about them.
/// </summary>
/// <param name="Frames">The frame table's number.</param>
/// <param name="Others">That of grants or channels, when the call is about them.</param>
/// <param name="IsQuiet">No long operation is under way anywhere: while one is, any call may go on with it, a refused one, too.</param>
internal readonly record struct AccountPrint(ulong Frames, ulong Others, bool IsQuiet)
{
    public static AccountPrint Of(HypervisorCore core, FuzzDomain[] domains, ulong hypercall)
        => OfFrames(core, domains) with { Others = OfOthers(domains, hypercall) };

    public static AccountPrint OfFrames(HypervisorCore core, FuzzDomain[] domains)
    {
        var (print, end, partial) = (core.FreeFrames, core.Memory.FrameCount, 0ul);
        for (var frame = core.MachineToPhysical.ReservedFrames; frame < end; frame++)
        {
            ref var row = ref core.Frames[new Mfn(frame)];
            // A type without a use is only a memory of what the frame was.
            var use = (row.Use & PageTypes.CountMask) == 0 ? row.Use & PageTypes.Pinned : row.Use;
            partial |= row.Use;
            print += (row.Count ^ use * 0x9e37_79b9_7f4a_7c15 ^ (ulong)row.Owner.Value << 40) * (frame | 1);
        }
        var quiet = (partial & PageTypes.Partial) == 0;
        foreach (var domain in domains)
        {
            quiet &= domain.Domain.UnfinishedTables.Count == 0;
            foreach (var vcpu in domain.Domain.Vcpus)
                quiet &= vcpu is null || vcpu.Traps.Holds(vcpu).Taken.Count == 0;
        }
        return new AccountPrint(print, 0, quiet);
    }

    public static ulong OfOthers(FuzzDomain[] domains, ulong hypercall)
    {
        var print = 0ul;
        foreach (var domain in domains)
        {
            print = print * 31 + ((HypercallNumber)hypercall switch
            {
                HypercallNumber.GrantTableOp => domain.Domain.Grants.Fingerprint(),
                HypercallNumber.EventChannelOp or HypercallNumber.EventChannelOpCompat => domain.Domain.Events.Fingerprint(),
                _ => 0,
            });
        }
        return print;
    }
}
