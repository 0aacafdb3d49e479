using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>XSA-57, XSA-352, XSA-353. A guest takes or gives away nodes, the root among them, or does what only the toolstack may.</summary>
[TestFixture]
internal sealed class XenstoreNodeOwnership : XenstoreFixture
{
    [Test]
    public void Neither_its_own_nodes_nor_others_change_hands()
    {
        Ask(Attacker, XenStoreMessageType.Write, "mine\0");
        Ask(Neighbour, XenStoreMessageType.Write, "theirs\0");
        Ask(Neighbour, XenStoreMessageType.SetPerms, "theirs\0b2\0");
        var before = Everything();
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "mine\0n2\0"), Is.EqualTo("EPERM\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "mine\0n0\0"), Is.EqualTo("EPERM\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "/local/domain/2/theirs\0n1\0"), Is.EqualTo("EACCES\0"), "writable, but not its own");
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "/local/domain/2\0b1\0"), Is.EqualTo("EACCES\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "mine\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "mine\0x1\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Everything(), Is.EqualTo(before));
    }

    [Test]
    public void The_root_and_what_is_the_toolstacks_are_closed()
    {
        var before = Everything();
        foreach (var (type, payload) in new[]
        {
            (XenStoreMessageType.Directory, "/\0"), (XenStoreMessageType.Read, "/\0"), (XenStoreMessageType.GetPerms, "/\0"), (XenStoreMessageType.Write, "/\0v"),
            (XenStoreMessageType.SetPerms, "/\0b1\0"), (XenStoreMessageType.Remove, "/\0"), (XenStoreMessageType.Write, "/new\0"), (XenStoreMessageType.Directory, "/local/domain\0"),
            (XenStoreMessageType.Remove, "/tool\0"), (XenStoreMessageType.Read, "/local/domain/2/name\0"), (XenStoreMessageType.SetPerms, "@releaseDomain\0n1\0"),
            (XenStoreMessageType.Introduce, "2\00\05\0"), (XenStoreMessageType.Release, "2\0"), (XenStoreMessageType.Resume, "2\0"), (XenStoreMessageType.SetTarget, "1\02\0"),
            (XenStoreMessageType.Control, "memreport\0"),
        })
            Assert.That(Ask(Attacker, type, payload), Is.AnyOf("EACCES\0", "ENOENT\0", "EPERM\0"), $"{type} {payload}");
        Assert.That(Everything(), Is.EqualTo(before));
    }

    [Test]
    public void A_guest_hears_only_of_what_it_may_see()
    {
        Ask(Attacker, XenStoreMessageType.Watch, "/\0all\0");
        Ask(Attacker, XenStoreMessageType.Watch, "/local/domain/2\0theirs\0");
        Ask(Attacker, XenStoreMessageType.Watch, "@releaseDomain\0ends\0");
        Ask(Attacker, XenStoreMessageType.Watch, "@introduceDomain\0begins\0");
        Attacker.Receive();
        Ask(Neighbour, XenStoreMessageType.Write, "name\0secret");
        Begin(new DomId(9));
        Machine.Become(new DomId(9), StoreDomainState.Gone);
        Machine.Run();
        Assert.That(Attacker.Receive(), Is.Empty);
    }
}
