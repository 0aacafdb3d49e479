using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Memory;
using Pv.Tests.Core;

namespace Pv.Tests.Fuzzing;

/// <summary>
/// What guests write without asking anybody: grant entries, words of frames that they have mapped writable or could map so, their shared page.
/// </summary>
internal static class GuestStores
{
    /// <summary>One store. Where <paramref name="alone"/>, also into frames that no table maps yet but the guest could have mapped writable.</summary>
    public static void Store(HypervisorCore core, FuzzDomain domain, FuzzDomain[] domains, Vcpu vcpu, CallGrammar grammar, ref Dice dice, bool alone)
    {
        switch (dice.Below(8))
        {
            case 0 or 1 or 2:
                GrantEntry(core, domain, domains, ref dice);
                break;
            case 3 or 4 when alone && !domain.IsManaged:
                Directly(core, domain, grammar, ref dice);
                break;
            case 5:
                Shared(core, domain, ref dice);
                break;
            case 6 when dice.OneIn(3) && !domain.IsManaged:
                Span<byte> zeros = stackalloc byte[PageSize.Bytes];
                zeros.Clear();
                FuzzDomain.Write(vcpu, FuzzDomain.Playground + ((ulong)dice.Below(domain.Frames.Length) << PageSize.Shift), zeros);
                break;
            default:
                var value = grammar.Entry((FrameUse)(1 + dice.Below(4)));
                var address = domain.IsManaged ? domain.Frames[dice.Below(domain.Frames.Length)].Address
                    : FuzzDomain.Playground + ((ulong)dice.Below(FuzzDomain.PlaygroundSlots) << PageSize.Shift);
                FuzzDomain.Write(vcpu, address + (uint)grammar.Slot() * 8, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));
                break;
        }
    }

    private static void GrantEntry(HypervisorCore core, FuzzDomain domain, FuzzDomain[] domains, ref Dice dice)
    {
        var table = domain.IsManaged && domain.Domain.Grants.FrameCount > 0 && domain.Domain.Grants.GetSharedFrame(0, out var first) == Errno.None ? first : domain.GrantFrames[0];
        // The hypervisor's own pages stay the domain's, and writable, until its end.
        if (table.Value == 0)
            return;
        var reference = FuzzDomain.FirstGrantRef + dice.Below(FuzzDomain.GrantRefs);
        var user = dice.OneIn(6) ? DomId.Dom0 : domains[dice.Below(domains.Length)].Domain.Id;
        var flags = dice.Of<GrantEntryFlags>(GrantEntryFlags.Invalid, GrantEntryFlags.PermitAccess, GrantEntryFlags.PermitAccess, GrantEntryFlags.PermitAccess,
            GrantEntryFlags.PermitAccess | GrantEntryFlags.ReadOnly, GrantEntryFlags.PermitAccess | GrantEntryFlags.SubPage, GrantEntryFlags.Transitive, GrantEntryFlags.AcceptTransfer);
        if (dice.OneIn(30))
            flags ^= (GrantEntryFlags)(1 << dice.Below(16));
        var frame = dice.OneIn(20) ? dice.Next() : domain.Frames[dice.Below(domain.Frames.Length)].Value;
        var header = (uint)flags | (uint)user.Value << 16;
        var words = core.Memory.Words(table);
        if (domain.Domain.Grants.Version == 1)
        {
            words[reference] = header | frame << 32;
            return;
        }
        var passed = flags == GrantEntryFlags.Transitive;
        words[reference * 2] = header | (passed ? (ulong)domains[dice.Below(domains.Length)].Domain.Id.Value : (uint)dice.Below(4096) | (ulong)(uint)dice.Below(4097) << 16) << 32;
        words[reference * 2 + 1] = passed ? (ulong)(FuzzDomain.FirstGrantRef + dice.Below(FuzzDomain.GrantRefs)) : frame;
    }

    private static void Directly(HypervisorCore core, FuzzDomain domain, CallGrammar grammar, ref Dice dice)
    {
        var index = dice.Below(domain.Frames.Length);
        var frame = domain.Frames[index];
        if (frame.Value < core.MachineToPhysical.ReservedFrames || frame.Value >= core.Memory.FrameCount || !core.Frames.TryGetOwner(frame, out var owner) || owner != domain.Domain.Id)
            return;
        var types = core.PageTypes;
        if (types.TypeOf(frame) is not (FrameType.None or FrameType.Writable) && types.Uses(frame) != 0)
            return;
        if (dice.OneIn(3))
            core.Memory.Frame(frame).Clear();
        else
            core.Memory.Words(frame)[grammar.Slot()] = grammar.Entry(FuzzDomain.Favourites[index % FuzzDomain.Favourites.Length]);
    }

    /// <summary>Its page with the hypervisor: masks and pending bits of channels, but for what tells whether the vCPU wants to be interrupted.</summary>
    private static void Shared(HypervisorCore core, FuzzDomain domain, ref Dice dice)
        => core.Memory.Words(domain.Domain.SharedInfo)[0x800 / 8 + dice.Below(128)] = dice.OneIn(2) ? 0 : dice.Next();
}
