using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>XSA-322, XSA-417. A new domain with the number of one that is gone inherits its nodes and what others allowed it.</summary>
[TestFixture]
internal sealed class XenstorePermissionsOfRemovedDomain : XenstoreFixture
{
    [Test]
    public void The_next_of_the_number_sees_nothing_that_was_for_the_last()
    {
        Ask(Tool, XenStoreMessageType.Write, "/secret\0of the last");
        Ask(Tool, XenStoreMessageType.SetPerms, "/secret\0n0\0r1\0");
        Ask(Neighbour, XenStoreMessageType.Write, "offered\0");
        Ask(Neighbour, XenStoreMessageType.SetPerms, "offered\0n2\0b1\0");
        Ask(Attacker, XenStoreMessageType.Write, "mine\0");
        Assert.That(Ask(Attacker, XenStoreMessageType.Read, "/secret\0"), Is.EqualTo("of the last"));
        Machine.Become(Bad, StoreDomainState.Gone);
        Machine.Run();
        Begin(Bad);
        Assert.That(Ask(Attacker, XenStoreMessageType.Read, "/secret\0"), Is.EqualTo("EACCES\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, "/local/domain/2/offered\0changed"), Is.EqualTo("EACCES\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Read, "mine\0"), Is.EqualTo("ENOENT\0"));
        Assert.That(Ask(Tool, XenStoreMessageType.Read, "/local/domain/1/mine\0"), Is.EqualTo("ENOENT\0"));
    }

    [Test]
    public void Nor_does_it_hear_of_what_the_last_could_see()
    {
        Ask(Tool, XenStoreMessageType.Write, "/secret\0");
        Ask(Tool, XenStoreMessageType.SetPerms, "/secret\0n0\0r1\0");
        Machine.Become(Bad, StoreDomainState.Gone);
        Machine.Run();
        Begin(Bad);
        Ask(Attacker, XenStoreMessageType.Watch, "/secret\0t\0");
        Attacker.Receive();
        Ask(Tool, XenStoreMessageType.Write, "/secret\0changed");
        Assert.That(Attacker.Receive(), Is.Empty);
    }

    [Test]
    public void A_permission_for_a_domain_that_is_not_there_yet_is_nobodys()
    {
        Ask(Neighbour, XenStoreMessageType.Write, "offered\0for whom");
        Ask(Neighbour, XenStoreMessageType.SetPerms, "offered\0n2\0r9\0");
        Begin(new DomId(9));
        Assert.That(Ask(Machine.Guest(new DomId(9)), XenStoreMessageType.Read, "/local/domain/2/offered\0"), Is.EqualTo("EACCES\0"));
        Assert.That(Ask(Neighbour, XenStoreMessageType.SetPerms, "offered\0n8\0"), Is.EqualTo("ENOENT\0"), "nor has it an owner who is not there");
    }
}
