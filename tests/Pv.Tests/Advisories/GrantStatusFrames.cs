using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-24, XSA-379, XSA-382, XSA-387. The frames with the marks of use of version 2 go when the form changes; a guest that still maps one would
/// map whoever gets it next. And they have bounds.
/// </summary>
[TestFixture]
internal sealed class GrantStatusFrames : GrantFixture
{
    private const ulong List = 0x800;

    [Test]
    public void One_that_is_mapped_is_not_taken_away()
    {
        Switch(2);
        var frame = Frame();
        Assert.That(Update(EntryOf(50), frame.Address | PresentUser | Writable), Is.Zero);
        AssertRefused(Errno.EBUSY, () => Switch(1));
        Assert.That(Update(EntryOf(50), 0), Is.Zero);
        Assert.That(Switch(1), Is.Zero);
        Assert.That(Machine.Core.Frames.TryGetOwner(frame, out _), Is.False, "it is free");
        AssertRefused(() => Update(EntryOf(50), frame.Address | PresentUser | Writable), "and nobody's to map");
    }

    [Test]
    public void One_whose_domain_ends_while_it_is_mapped_is_nobody_elses()
    {
        Switch(2);
        Assert.That(Update(EntryOf(50), Frame().Address | PresentUser | Writable), Is.Zero);
        // The end of the test asserts that it is free once the domain is gone.
        Machine.Destroy(Attacker.Domain);
    }

    [Test]
    public void More_than_there_are_are_not_told()
    {
        Switch(2);
        foreach (var count in new[] { 2u, 512u, 0x8000_0000u, uint.MaxValue })
        {
            var before = FrameAccounts.Take(Machine.Core);
            var get = Grants(GrantTableOperation.GetStatusFrames, new GrantTableGetStatusFrames { Domain = DomId.Self, FrameCount = count, FrameList = List });
            Assert.That(get.Status, Is.EqualTo(GrantStatus.GeneralError), $"{count}");
            AssertAsBefore(before);
        }
        Assert.That(Switch(1), Is.Zero);
        Assert.That(Grants(GrantTableOperation.GetStatusFrames, new GrantTableGetStatusFrames { Domain = DomId.Self, FrameCount = 1, FrameList = List }).Status,
            Is.EqualTo(GrantStatus.GeneralError), "version 1 has none");
    }

    private long Switch(uint version)
    {
        Attacker.Put(0, new GrantTableSetVersion { Version = version });
        return Attacker.Call(HypercallNumber.GrantTableOp, (ulong)GrantTableOperation.SetVersion, 0, 1);
    }

    private Mfn Frame()
    {
        Assert.That(Grants(GrantTableOperation.GetStatusFrames, new GrantTableGetStatusFrames { Domain = DomId.Self, FrameCount = 1, FrameList = List }).Status, Is.EqualTo(GrantStatus.Okay));
        return Attacker.Get<Mfn>(List);
    }
}
