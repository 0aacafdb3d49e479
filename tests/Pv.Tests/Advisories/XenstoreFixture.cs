using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Tests.XenStore;
using Pv.XenStore;

namespace Pv.Tests.Advisories;

/// <summary>A store with a hostile guest, one that it would like to harm, and a tool. Whatever the guest did, the others are served as ever.</summary>
internal abstract class XenstoreFixture
{
    protected static readonly DomId Bad = new(1), Good = new(2), Friend = new(3);

    protected StoreMachine Machine { get; private set; } = null!;

    protected ToolEnd Tool { get; private set; } = null!;

    protected GuestEnd Attacker => Machine.Guest(Bad);

    protected GuestEnd Neighbour => Machine.Guest(Good);

    [SetUp]
    public void MakeStore()
    {
        Machine = new StoreMachine();
        Tool = Machine.NewTool();
        foreach (var domain in new[] { Bad, Good, Friend })
            Begin(domain);
    }

    [TearDown]
    public void TheOthersAreServedAsEver()
    {
        if (Machine.Store.Domains.Introduced(Good) is not null)
        {
            Assert.That(Ask(Neighbour, XenStoreMessageType.Write, "alive\0yes"), Is.EqualTo("OK\0"));
            Assert.That(Ask(Neighbour, XenStoreMessageType.Read, "alive\0"), Is.EqualTo("yes"));
        }
        Assert.That(Ask(Tool, XenStoreMessageType.Read, "/tool\0"), Is.Empty);
        Machine.Dispose();
    }

    protected void Begin(DomId domain) => Machine.Begin(domain, Tool);

    /// <summary>One request; the answer's text, or the error's name. Events are passed over.</summary>
    protected string Ask(PeerEnd peer, XenStoreMessageType type, string payload, uint transaction = 0)
        => Machine.Ask(peer, type, payload, transaction) ?? "no answer";

    protected uint Start(PeerEnd peer)
    {
        var answer = Ask(peer, XenStoreMessageType.TransactionStart, "\0");
        return uint.TryParse(answer.TrimEnd('\0'), out var id) ? id : throw new InvalidOperationException(answer);
    }

    /// <summary>All that stands in the store, with owner and value: what must be as before.</summary>
    protected List<string> Everything()
        => [.. StoreTree.Walk(StorePath.Root, Machine.Store.Live.Tree.Root).Select(entry => $"{entry.Path} {Encoding.Latin1.GetString(entry.Node.Permissions.Format())} {entry.Node.Value.Length}")];
}
