using System.Globalization;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>A transaction that is open for long does not keep the past of the whole store.</summary>
[TestFixture]
public class SnapshotAgeTests
{
    private StoreMachine _machine = null!;
    private ToolEnd _tool = null!;
    private ToolEnd _other = null!;

    [SetUp]
    public void Create()
    {
        _machine = new StoreMachine();
        (_tool, _other) = (_machine.NewTool(), _machine.NewTool());
        _machine.Store.Transactions.MostPinnedBytes = 4000;
        Ask(_other, 0, XenStoreMessageType.Write, "/a\0one");
        Ask(_other, 0, XenStoreMessageType.Write, "/b\0one");
        Ask(_other, 0, XenStoreMessageType.Write, "/elsewhere\0");
    }

    [TearDown]
    public void Dispose() => _machine.Dispose();

    [Test]
    public void While_little_changes_it_sees_the_store_as_it_began()
    {
        var id = Begin();
        Ask(_other, 0, XenStoreMessageType.Write, "/a\0two");
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/a\0"), Is.EqualTo("one"));
        Assert.That(End(id), Is.EqualTo("EAGAIN\0"));
    }

    [Test]
    public void When_much_changed_elsewhere_it_goes_on_and_commits()
    {
        var id = Begin();
        Ask(_tool, id, XenStoreMessageType.Write, "/a\0mine");
        Ask(_tool, id, XenStoreMessageType.Write, "/new/deep\0mine");
        Ask(_other, 0, XenStoreMessageType.Write, "/b\0two");
        Churn();
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/a\0"), Is.EqualTo("mine"));
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/new/deep\0"), Is.EqualTo("mine"));
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/b\0"), Is.EqualTo("two"), "what it had not looked at is as others left it");
        Churn();
        Assert.That(End(id), Is.EqualTo("OK\0"));
        Assert.That(Ask(_other, 0, XenStoreMessageType.Read, "/new/deep\0"), Is.EqualTo("mine"));
        Assert.That(Ask(_other, 0, XenStoreMessageType.Read, "/a\0"), Is.EqualTo("mine"));
        Assert.That(_machine.Store.Live.Tree.OwnedBy(DomId.Dom0), Is.EqualTo(StoreTree.Walk("/", _machine.Store.Live.Tree.Root).Count()));
    }

    [Test]
    public void When_it_was_overtaken_it_sees_the_present_and_never_commits()
    {
        var id = Begin();
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/b\0"), Is.EqualTo("one"));
        Ask(_tool, id, XenStoreMessageType.Write, "/a\0mine");
        Ask(_other, 0, XenStoreMessageType.Write, "/b\0two");
        Churn();
        Assert.That(Ask(_tool, id, XenStoreMessageType.Read, "/b\0"), Is.EqualTo("two"));
        Assert.That(Ask(_tool, id, XenStoreMessageType.Write, "/c\0mine"), Is.EqualTo("OK\0"));
        Churn();
        Assert.That(End(id), Is.EqualTo("EAGAIN\0"));
        Assert.That(Ask(_other, 0, XenStoreMessageType.Read, "/c\0"), Is.EqualTo("ENOENT\0"));
        Assert.That(Ask(_other, 0, XenStoreMessageType.Read, "/a\0"), Is.EqualTo("one"));
    }

    [Test]
    public void Any_number_of_open_transactions_keeps_so_much_and_no_more()
    {
        const int Limit = 4 << 20, Rounds = 400;
        _machine.Store.Transactions.MostPinnedBytes = Limit;
        var value = new string('v', 3000);
        long Write(int round)
        {
            // Each round replaces 120 KiB, and one more transaction remembers how it was.
            for (var i = 0; i < 40; i++)
                Ask(_other, 0, XenStoreMessageType.Write, $"/many/{i}\0{round}{value}");
            Begin();
            return round % 20 == 0 ? GC.GetTotalMemory(forceFullCollection: true) : 0;
        }

        Write(1);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        for (var round = 1; round <= Rounds; round++)
            most = Math.Max(most, Write(round));
        Assert.That(most - before, Is.LessThan(Limit + (4 << 20)), $"of {Rounds * 40 * 3000} bytes that were replaced");
        Assert.That(_tool.Connection!.Transactions, Has.Count.EqualTo(Rounds + 1));
        _tool.Connection.Stop();
    }

    /// <summary>More than may be remembered.</summary>
    private void Churn()
    {
        for (var i = 0; i < 10; i++)
            Ask(_other, 0, XenStoreMessageType.Write, $"/elsewhere\0{i}");
    }

    private uint Begin()
        => uint.Parse(Ask(_tool, 0, XenStoreMessageType.TransactionStart, "\0").TrimEnd('\0'), CultureInfo.InvariantCulture);

    private string End(uint id) => Ask(_tool, id, XenStoreMessageType.TransactionEnd, "T\0");

    private string Ask(ToolEnd tool, uint transaction, XenStoreMessageType type, string payload)
        => _machine.Ask(tool, type, payload, transaction) ?? throw new InvalidOperationException($"{type} had no answer");
}
