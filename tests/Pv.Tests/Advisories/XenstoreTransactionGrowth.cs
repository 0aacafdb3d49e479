using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-206, XSA-326, XSA-421, XSA-440. Transactions that hold more than the quotas allow, that keep the past alive, that are overtaken, or that end
/// while others change what they touched.
/// </summary>
[TestFixture]
internal sealed class XenstoreTransactionGrowth : XenstoreFixture
{
    [Test]
    public void There_are_so_many_at_once_and_nodes_in_each()
    {
        var open = 0;
        while (open < 100 && uint.TryParse(Ask(Attacker, XenStoreMessageType.TransactionStart, "\0").TrimEnd('\0'), out _))
            open++;
        Assert.That(open, Is.LessThan(12));
        Assert.That(Ask(Attacker, XenStoreMessageType.TransactionStart, "\0"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.ResetWatches, "\0"), Is.EqualTo("OK\0"));
        var id = Start(Attacker);
        var written = 0;
        for (var i = 0; i < 2000; i++)
            written += Ask(Attacker, XenStoreMessageType.Write, $"n{i}\0", id) == "OK\0" ? 1 : 0;
        Assert.That(written, Is.LessThanOrEqualTo(1024));
        var before = Everything();
        Assert.That(Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", id), Is.Not.EqualTo("OK\0"));
        Assert.That(Everything(), Is.EqualTo(before), "nothing of it happened");
    }

    [Test]
    public void Two_that_each_stay_below_the_quota_do_not_exceed_it_together()
    {
        var first = Start(Attacker);
        var second = Start(Attacker);
        for (var i = 0; i < 600; i++)
        {
            Ask(Attacker, XenStoreMessageType.Write, $"a/n{i}\0", first);
            Ask(Attacker, XenStoreMessageType.Write, $"b/n{i}\0", second);
        }
        Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", first);
        Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", second);
        Assert.That(Machine.Store.Live.Tree.OwnedBy(Bad), Is.LessThanOrEqualTo(1000));
    }

    [Test]
    public void One_that_never_ends_does_not_keep_the_past()
    {
        Machine.Store.Transactions.MostPinnedBytes = 64 << 10;
        var id = Start(Attacker);
        Ask(Attacker, XenStoreMessageType.Read, "/local/domain/1\0", id);
        for (var i = 0; i < 200; i++)
            Ask(Neighbour, XenStoreMessageType.Write, $"n\0{new string('v', 1500)}");
        var live = Machine.Store.Live.Tree;
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.Transactions.Values.Select(transaction => live.RetiredBytes - transaction.SnapshotAge),
            Has.All.LessThan(80 << 10));
    }

    [Test]
    public void A_conflict_and_an_end_without_a_beginning_harm_nobody()
    {
        var id = Start(Attacker);
        Ask(Attacker, XenStoreMessageType.Write, "x\0mine", id);
        Ask(Attacker, XenStoreMessageType.Write, "x\0outside");
        Assert.That(Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", id), Is.EqualTo("EAGAIN\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Read, "x\0"), Is.EqualTo("outside"));
        foreach (var other in new[] { id, 0u, 77777u, uint.MaxValue })
            Assert.That(Ask(Attacker, XenStoreMessageType.TransactionEnd, "T\0", other), Is.EqualTo("ENOENT\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Read, "x\0", Start(Neighbour) + 1000), Is.EqualTo("ENOENT\0"));
    }

    [Test]
    public void A_node_whose_new_owner_is_gone_is_not_committed()
    {
        Ask(Tool, XenStoreMessageType.Write, "/gift\0");
        var id = Start(Tool);
        Ask(Tool, XenStoreMessageType.SetPerms, "/gift\0n3\0", id);
        Machine.Become(Friend, StoreDomainState.Gone);
        Machine.Run();
        Assert.That(Ask(Tool, XenStoreMessageType.TransactionEnd, "T\0", id), Is.EqualTo("ENOMEM\0"));
        Assert.That(Ask(Tool, XenStoreMessageType.GetPerms, "/gift\0"), Is.EqualTo("n0\0"));
    }
}
