using NUnit.Framework;
using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Machine.Gate;

namespace Pv.Tests.Advisories;

/// <summary>XSA-318, XSA-380. Copies beyond pages and parts of pages, and lists of them that stop and go on.</summary>
[TestFixture]
internal sealed class GrantCopyBounds : GrantFixture
{
    [Test]
    public void Nothing_is_copied_beyond_a_page()
    {
        Offer(Ref, Neighbour.Frames[0]);
        Machine.Core.Memory.Frame(Attacker.Frames[0]).Fill(0x11);
        Machine.Core.Memory.Frame(Attacker.Frames[1]).Fill(0x11);
        foreach (var (from, to, length) in new[] { (4090, 0, 8), (0, 4090, 8), (4096, 0, 1), (65535, 0, 1), (0, 65535, 65535), (1, 1, 65535), (0, 0, 4097) })
        {
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Grants(GrantTableOperation.Copy, Copy((ushort)from, (ushort)to, (ushort)length)).Status, Is.EqualTo(GrantStatus.BadCopyArgument));
            AssertAsBefore(before);
        }
        foreach (var frame in Attacker.Frames[..2])
            Assert.That(Machine.Core.Memory.Frame(frame).ContainsAnyExcept((byte)0x11), Is.False);
    }

    [Test]
    public void A_frame_of_anothers_is_copied_by_grant_alone()
    {
        foreach (var (source, domain) in new[] { (true, Neighbour.Domain.Id), (false, Neighbour.Domain.Id), (true, DomId.Self), (false, DomId.Self) })
        {
            var copy = Copy(0, 0, 8) with { Flags = 0 };
            (copy.Source.Domain, copy.Source.Gmfn) = (source ? domain : DomId.Self, source ? Neighbour.Frames[0].Value : Attacker.Frames[1].Value);
            (copy.Destination.Domain, copy.Destination.Gmfn) = (source ? DomId.Self : domain, source ? Attacker.Frames[1].Value : Neighbour.Frames[0].Value);
            var before = FrameAccounts.Take(Machine.Core);
            Assert.That(Grants(GrantTableOperation.Copy, copy).Status, Is.EqualTo(domain == DomId.Self ? GrantStatus.BadPage : GrantStatus.PermissionDenied));
            AssertAsBefore(before);
        }
    }

    [Test]
    public void A_list_that_stops_tells_each_status_once()
    {
        const int count = 40;
        Offer(Ref, Neighbour.Frames[0]);
        WantPCpu();
        for (var i = 0; i < count; i++)
        {
            Machine.Core.Memory.Words(Neighbour.Frames[0])[i] = (ulong)i + 1;
            // Every third one is wrong.
            Attacker.Put((ulong)i * GrantTableCopy.WireSize, Copy((ushort)(i * 8), (ushort)(i % 3 == 2 ? 4095 : i * 8), 8) with { Status = (GrantStatus)77 });
        }
        var registers = new HypercallRegisters((ulong)HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.Copy, 0, count);
        var stops = 0;
        while (Enter(ref registers) is { Outcome: HypercallOutcome.Continue })
            stops++;
        Assert.That(stops, Is.EqualTo(count - 1));
        for (var i = 0; i < count; i++)
        {
            Assert.That(Attacker.Get<GrantTableCopy>((ulong)i * GrantTableCopy.WireSize).Status, Is.EqualTo(i % 3 == 2 ? GrantStatus.BadCopyArgument : GrantStatus.Okay));
            Assert.That(Word(1, i), Is.EqualTo(i % 3 == 2 ? 0 : (ulong)i + 1));
        }
    }

    private GrantTableCopy Copy(ushort from, ushort to, ushort length)
    {
        var copy = new GrantTableCopy { Length = length, Flags = GrantCopyFlags.SourceGrantRef };
        (copy.Source.Domain, copy.Source.Ref, copy.Source.Offset) = (Neighbour.Domain.Id, new GrantRef(Ref), from);
        (copy.Destination.Domain, copy.Destination.Gmfn, copy.Destination.Offset) = (DomId.Self, Attacker.Frames[1].Value, to);
        return copy;
    }
}
