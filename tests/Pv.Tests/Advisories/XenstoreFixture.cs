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

    /// <summary>A domain is made as the toolstack makes one: a home of its own, and a ring.</summary>
    protected void Begin(DomId domain)
    {
        Machine.NewGuest(domain);
        Assert.That(Machine.Store.Introduce(domain, new Pfn(0), new EventPort(5)), Is.EqualTo(Errno.None));
        Machine.Run();
        Ask(Tool, XenStoreMessageType.Write, $"/local/domain/{domain.Value}\0");
        Ask(Tool, XenStoreMessageType.SetPerms, $"/local/domain/{domain.Value}\0n{domain.Value}\0");
    }

    /// <summary>One request; the answer's text, or the error's name. Events are passed over.</summary>
    protected string Ask(PeerEnd peer, XenStoreMessageType type, string payload, uint transaction = 0)
    {
        peer.Send((uint)type, 7, transaction, Encoding.Latin1.GetBytes(payload));
        var answer = "no answer";
        // A ring is small, so that a long request or answer takes several looks.
        for (var looks = 0; looks < 8; looks++)
        {
            (peer as GuestEnd)?.Push();
            Machine.Run();
            foreach (var message in peer.Receive())
            {
                if (message.Type != XenStoreMessageType.WatchEvent)
                    answer = Encoding.Latin1.GetString(message.Payload.Span);
            }
            if (answer != "no answer")
                break;
        }
        return answer;
    }

    protected uint Start(PeerEnd peer)
    {
        var answer = Ask(peer, XenStoreMessageType.TransactionStart, "\0");
        return uint.TryParse(answer.TrimEnd('\0'), out var id) ? id : throw new InvalidOperationException(answer);
    }

    /// <summary>All that stands in the store, with owner and value: what must be as before.</summary>
    protected List<string> Everything()
        => [.. StoreTree.Walk(StorePath.Root, Machine.Store.Live.Tree.Root).Select(entry => $"{entry.Path} {Encoding.Latin1.GetString(entry.Node.Permissions.Format())} {entry.Node.Value.Length}")];
}
