using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-100. What a domain or the hypervisor had in a frame shows to whoever gets it next.</summary>
[TestFixture]
internal sealed class FreedMemoryContents : GrantFixture
{
    [Test]
    public void A_frame_that_comes_from_another_domain_is_empty()
    {
        var given = Neighbour.Frames[FirstUnmapped..(FirstUnmapped + 4)];
        foreach (var frame in given)
            Machine.Core.Memory.Frame(frame).Fill(0x5a);
        GiveBack(Neighbour, given);
        GiveBack(Attacker, Attacker.Frames[FirstUnmapped..(FirstUnmapped + 2)]);
        AssertEmpty(Populate(2));
    }

    [Test]
    public void So_are_the_frames_of_a_domain_that_ended_and_what_an_exchange_gives()
    {
        foreach (var frame in Neighbour.Frames)
            Machine.Core.Memory.Frame(frame).Fill(0x5a);
        var theirs = Neighbour.Frames;
        Machine.Destroy(Neighbour.Domain);
        // The lowest frames come first; sooner or later they are the other's, one after the other.
        Attacker.Domain.MaxPages = 1024;
        var mine = new List<Mfn>();
        while (mine.TakeLast(2).Intersect(theirs).Count() < 2)
            mine.AddRange(Populate(1));
        AssertEmpty([.. mine]);
        Attacker.Put(0x800, Attacker.Frames[FirstUnmapped + 3]);
        Attacker.Put(0x900, 5ul);
        MemoryReservation Named(ulong at) => new() { ExtentStart = at, ExtentCount = 1, Domain = DomId.Self };
        Assert.That(Memory(MemoryOperation.Exchange, new MemoryExchange { In = Named(0x800), Out = Named(0x900) }), Is.Zero);
        Assert.That(theirs, Does.Contain(Attacker.Get<Mfn>(0x900)));
        AssertEmpty([Attacker.Get<Mfn>(0x900)]);
    }

    [Test]
    public void So_are_the_frames_that_the_hypervisor_shares()
    {
        foreach (var frame in Neighbour.Frames)
            Machine.Core.Memory.Frame(frame).Fill(0x5a);
        Machine.Destroy(Neighbour.Domain);
        Grants(GrantTableOperation.SetupTable, new GrantTableSetupTable { Domain = DomId.Self, FrameCount = 2, FrameList = 0x800 });
        AssertEmpty([Attacker.Get<Mfn>(0x808)]);
        Attacker.Put(0, new GrantTableSetVersion { Version = 2 });
        Assert.That(Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, 0, 1), Is.Zero);
        Grants(GrantTableOperation.GetStatusFrames, new GrantTableGetStatusFrames { Domain = DomId.Self, FrameCount = 1, FrameList = 0x800 });
        AssertEmpty([Attacker.Get<Mfn>(0x800)]);
    }

    private static void GiveBack(Core.TestGuest guest, Mfn[] frames)
    {
        for (var i = 0; i < frames.Length; i++)
            guest.Put(0x800 + (ulong)i * 8, frames[i]);
        guest.Put(0, new MemoryReservation { ExtentStart = 0x800, ExtentCount = (ulong)frames.Length, Domain = DomId.Self });
        Assert.That(guest.Call(HypercallNumber.MemoryOp, (ulong)MemoryOperation.DecreaseReservation, 0), Is.EqualTo(frames.Length));
    }

    private Mfn[] Populate(int count)
    {
        Assert.That(Memory(MemoryOperation.IncreaseReservation, new MemoryReservation { ExtentStart = 0x800, ExtentCount = (ulong)count, Domain = DomId.Self }), Is.EqualTo(count));
        return [.. Enumerable.Range(0, count).Select(i => Attacker.Get<Mfn>(0x800 + (ulong)i * 8))];
    }

    private void AssertEmpty(Mfn[] frames)
    {
        foreach (var frame in frames)
            Assert.That(Machine.Core.Memory.Frame(frame).ContainsAnyExcept((byte)0), Is.False, $"{frame}");
    }
}
