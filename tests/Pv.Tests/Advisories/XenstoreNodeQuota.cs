using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-272, XSA-326, XSA-419. Nodes beyond what a domain may have: one by one, many in one path, below another's nodes, and by two domains that
/// help each other.
/// </summary>
[TestFixture]
internal sealed class XenstoreNodeQuota : XenstoreFixture
{
    private const int Quota = 1000;

    [Test]
    public void One_by_one_and_many_in_one_path()
    {
        for (var i = 0; i < 2 * Quota; i++)
            Ask(Attacker, XenStoreMessageType.Write, $"d{i / 100}/n{i}\0");
        Assert.That(Owned(Bad), Is.EqualTo(Quota));
        var before = Everything();
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, "one-more\0"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.MakeDirectory, "another\0"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Everything(), Is.EqualTo(before));
        Ask(Attacker, XenStoreMessageType.Remove, "d0/n5\0");
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, "a/b\0"), Is.EqualTo("ENOSPC\0"), "two where there is room for one: none of them");
        Assert.That(Owned(Bad), Is.EqualTo(Quota - 1));
    }

    [Test]
    public void Below_a_node_that_a_friend_lets_be_written()
    {
        Ask(Machine.Guest(Friend), XenStoreMessageType.Write, "shared\0");
        Ask(Machine.Guest(Friend), XenStoreMessageType.SetPerms, "shared\0b3\0b1\0");
        for (var i = 0; i < 2 * Quota; i++)
            Ask(Attacker, XenStoreMessageType.Write, $"/local/domain/3/shared/d{i / 100}/n{i}\0");
        Assert.That((Owned(Bad), Owned(Friend)), Is.EqualTo((Quota, 2)), "they are the maker's");
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, "/local/domain/3/shared/d0\0b3\0"), Is.EqualTo("EPERM\0"), "and are not given away");
        Assert.That(Owned(Friend), Is.EqualTo(2));
    }

    [Test]
    public void A_value_a_path_and_permissions_have_a_size()
    {
        var before = Everything();
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, $"big\0{new string('v', 2100)}"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.SetPerms, $"/local/domain/1\0n1\0{string.Concat(Enumerable.Repeat("r2\0", 6))}"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Everything(), Is.EqualTo(before));
    }

    [Test]
    public void All_of_a_domain_together_has_a_size()
    {
        for (var i = 0; i < 990; i++)
            Ask(Attacker, XenStoreMessageType.Write, $"d{i / 100}/n{i}\0{new string('v', 1900)}");
        for (var i = 0; i < 120; i++)
            Ask(Attacker, XenStoreMessageType.Watch, $"n{i}\0{new string('t', 1500)}\0");
        var domain = Machine.Store.Domains.Introduced(Bad)!;
        Assert.That(Machine.Store.MemoryOf(domain), Is.LessThanOrEqualTo(2560 << 10));
    }

    private int Owned(DomId domain) => Machine.Store.Live.Tree.OwnedBy(domain);
}
