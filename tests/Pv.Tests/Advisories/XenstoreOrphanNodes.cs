using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>XSA-233, XSA-325, XSA-415. Nodes that stand below nothing, or stay when their owner is gone: nobody could remove them or pay for them.</summary>
[TestFixture]
internal sealed class XenstoreOrphanNodes : XenstoreFixture
{
    [Test]
    public void A_transaction_does_not_put_a_node_below_a_parent_that_went_meanwhile()
    {
        Ask(Attacker, XenStoreMessageType.Write, "parent/sibling\0");
        var id = Start(Attacker);
        Ask(Attacker, XenStoreMessageType.Write, "parent/child\0", id);
        Ask(Attacker, XenStoreMessageType.Remove, "parent\0");
        Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", id);
        AssertWhole();
    }

    [Test]
    public void What_is_removed_and_made_again_in_one_transaction_is_whole()
    {
        var random = new Random(5);
        string[] names = ["a", "a/b", "a/b/c", "a/d", "e", "e/f"];
        for (var round = 0; round < 200; round++)
        {
            var id = Start(Attacker);
            for (var i = 0; i < 8; i++)
            {
                var name = names[random.Next(names.Length)];
                Ask(Attacker, random.Next(3) == 0 ? XenStoreMessageType.Remove : XenStoreMessageType.Write, $"{name}\0", random.Next(3) == 0 ? 0 : id);
            }
            Ask(Attacker, XenStoreMessageType.TransactionEnd, random.Next(4) == 0 ? "F\0" : "T\0", id);
            AssertWhole();
        }
    }

    [Test]
    public void Nothing_that_a_domain_owned_stays_when_it_is_gone()
    {
        // In a home of its own, in a neighbour's place that was open to it, and in a transaction that is open.
        Ask(Neighbour, XenStoreMessageType.Write, "open\0");
        Ask(Neighbour, XenStoreMessageType.SetPerms, "open\0b2\0");
        Ask(Attacker, XenStoreMessageType.Write, "/local/domain/2/open/mine/deep\0");
        Ask(Attacker, XenStoreMessageType.Write, "data/x\0");
        var id = Start(Attacker);
        Ask(Attacker, XenStoreMessageType.Write, "later\0", id);
        Machine.Become(Bad, StoreDomainState.Gone);
        Machine.Run();
        Assert.That(Machine.Store.Live.Tree.OwnedBy(Bad), Is.Zero);
        Assert.That(Machine.Store.Live.Tree.MemoryOf(Bad), Is.Zero);
        Assert.That(Everything(), Has.None.Contains("/mine").And.None.Contains("/domain/1/"));
        AssertWhole();
    }

    [Test]
    public void A_domain_that_is_only_shut_down_keeps_what_it_has_and_is_told_of_once()
    {
        Ask(Tool, XenStoreMessageType.Watch, "@releaseDomain\0t\0");
        Tool.Receive();
        for (var i = 0; i < 5; i++)
        {
            Machine.Become(Bad, StoreDomainState.ShutDown);
            Machine.Run();
        }
        Assert.That(Tool.Receive(), Has.Count.EqualTo(1));
        Assert.That(Ask(Tool, XenStoreMessageType.Read, "/local/domain/1\0"), Is.Empty);
    }

    private void AssertWhole()
    {
        var paths = StoreTree.Walk(StorePath.Root, Machine.Store.Live.Tree.Root).Select(entry => entry.Path).ToHashSet();
        Assert.That(paths.Where(path => !paths.Contains(StorePath.Parent(path))), Is.Empty, "a node without a parent");
        foreach (var domain in new[] { Bad, Good, Friend })
        {
            var owned = StoreTree.Walk(StorePath.Root, Machine.Store.Live.Tree.Root).Count(entry => entry.Node.Permissions.Owner.Number == domain.Value);
            Assert.That(Machine.Store.Live.Tree.OwnedBy(domain), Is.EqualTo(owned), $"{domain}");
        }
    }
}
