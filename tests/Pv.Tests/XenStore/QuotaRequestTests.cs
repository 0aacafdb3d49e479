using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>The requests that are newer than the recorded daemon: quotas and features by domain, and watches of a depth.</summary>
[TestFixture]
public class QuotaRequestTests
{
    private static readonly DomId Limited = new(1), Other = new(2), Waiting = new(3);

    private StoreMachine _machine = null!;
    private ToolEnd _tool = null!;
    private GuestEnd _limited = null!;
    private GuestEnd _other = null!;

    [SetUp]
    public void Create()
    {
        _machine = new StoreMachine();
        _tool = _machine.NewTool();
        _limited = _machine.Begin(Limited, _tool);
        _other = _machine.Begin(Other, _tool);
        _machine.Exist(Waiting);
    }

    [TearDown]
    public void Dispose() => _machine.Dispose();

    [Test]
    public void The_quotas_have_names_and_the_values_of_Xen()
    {
        const string Names = "nodes watches transactions outstanding transaction-nodes memory node-size path-max permissions";
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, ""), Is.EqualTo(Names + "\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "\0"), Is.EqualTo(Names + "\0"));
        var values = Names.Split(' ').Select(name => Ask(_tool, XenStoreMessageType.GetQuota, $"{name}\0"));
        Assert.That(values, Is.EqualTo(new[] { "1000\0", "128\0", "10\0", "20\0", "1024\0", "2621440\0", "2048\0", "2048\0", "5\0" }));
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "1\0nodes\0"), Is.EqualTo("1000\0"), "a domain has what all have");
    }

    [TestCase(XenStoreMessageType.GetQuota, "bogus\0", "EINVAL")]
    [TestCase(XenStoreMessageType.GetQuota, "1\0bogus\0", "EINVAL")]
    [TestCase(XenStoreMessageType.GetQuota, "1\0nodes\0more\0", "EINVAL")]
    [TestCase(XenStoreMessageType.GetQuota, "9\0nodes\0", "ENOENT")]
    [TestCase(XenStoreMessageType.SetQuota, "", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "nodes\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "bogus\05\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "nodes\0-5\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "nodes\0five\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "nodes\099999999999\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetQuota, "9\0nodes\05\0", "ENOENT")]
    [TestCase(XenStoreMessageType.SetQuota, "1\0nodes\05\0more\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetFeature, "", "EINVAL")]
    [TestCase(XenStoreMessageType.SetFeature, "3\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetFeature, "3\08\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetFeature, "3\0x\0", "EINVAL")]
    [TestCase(XenStoreMessageType.SetFeature, "9\01\0", "ENOENT")]
    [TestCase(XenStoreMessageType.SetFeature, "1\01\0", "EBUSY")]
    [TestCase(XenStoreMessageType.GetFeature, "9\0", "ENOENT")]
    [TestCase(XenStoreMessageType.GetFeature, "1\02\0", "EINVAL")]
    public void What_makes_no_sense_is_refused(XenStoreMessageType type, string payload, string error)
        => Assert.That(Ask(_tool, type, payload), Is.EqualTo(error + "\0"));

    [TestCase(XenStoreMessageType.GetQuota, "nodes\0")]
    [TestCase(XenStoreMessageType.SetQuota, "nodes\05\0")]
    [TestCase(XenStoreMessageType.SetFeature, "3\01\0")]
    [TestCase(XenStoreMessageType.GetFeature, "2\0")]
    public void A_guest_neither_asks_nor_sets(XenStoreMessageType type, string payload)
        => Assert.That(Ask(_limited, type, payload), Is.EqualTo("EACCES\0"));

    [Test]
    public void A_quota_of_one_domain_holds_for_that_domain_alone()
    {
        Assert.That(Ask(_tool, XenStoreMessageType.SetQuota, "1\0nodes\03\0"), Is.EqualTo("OK\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "1\0nodes\0"), Is.EqualTo("3\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "2\0nodes\0"), Is.EqualTo("1000\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "nodes\0"), Is.EqualTo("1000\0"));
        Assert.That(Enumerable.Range(0, 4).Select(i => Ask(_limited, XenStoreMessageType.Write, $"{i}\0")), Is.EqualTo(new[] { "OK\0", "OK\0", "ENOSPC\0", "ENOSPC\0" }));
        Assert.That(Enumerable.Range(0, 4).Select(i => Ask(_other, XenStoreMessageType.Write, $"{i}\0")), Has.All.EqualTo("OK\0"));
    }

    [Test]
    public void A_quota_of_all_holds_where_none_is_set_for_the_domain()
    {
        Ask(_tool, XenStoreMessageType.SetQuota, "1\0node-size\02000\0");
        Ask(_tool, XenStoreMessageType.SetQuota, "node-size\0100\0");
        var value = new string('v', 200);
        Assert.That(Ask(_limited, XenStoreMessageType.Write, $"a\0{value}"), Is.EqualTo("OK\0"));
        Assert.That(Ask(_other, XenStoreMessageType.Write, $"a\0{value}"), Is.EqualTo("ENOSPC\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.Write, $"/a\0{value}"), Is.EqualTo("OK\0"), "Dom0 is not limited");
        Ask(_tool, XenStoreMessageType.SetQuota, "node-size\00\0");
        Assert.That(Ask(_other, XenStoreMessageType.Write, $"a\0{new string('v', 4000)}"), Is.EqualTo("OK\0"), "0: without limit");
    }

    [Test]
    public void What_a_domain_has_already_stays_when_its_quota_sinks()
    {
        foreach (var name in new[] { "a", "b", "c" })
            Ask(_limited, XenStoreMessageType.Watch, $"{name}\0t\0");
        Ask(_tool, XenStoreMessageType.SetQuota, "1\0watches\01\0");
        Assert.That(Ask(_limited, XenStoreMessageType.Watch, "d\0t\0"), Is.EqualTo("E2BIG\0"));
        Assert.That(Ask(_limited, XenStoreMessageType.Unwatch, "c\0t\0"), Is.EqualTo("OK\0"));
        Assert.That(Ask(_limited, XenStoreMessageType.Unwatch, "b\0t\0"), Is.EqualTo("OK\0"));
        Assert.That(Ask(_limited, XenStoreMessageType.Watch, "d\0t\0"), Is.EqualTo("OK\0"));
    }

    [Test]
    public void The_next_domain_of_the_number_has_the_quotas_of_all()
    {
        Ask(_tool, XenStoreMessageType.SetQuota, "1\0nodes\03\0");
        _machine.Become(Limited, StoreDomainState.Gone);
        _machine.NewGuest(Limited);
        Assert.That(Ask(_tool, XenStoreMessageType.GetQuota, "1\0nodes\0"), Is.EqualTo("1000\0"));
    }

    [Test]
    public void Features_are_set_before_a_domain_is_introduced()
    {
        Assert.That(Ask(_tool, XenStoreMessageType.GetFeature, "3\0"), Is.EqualTo("7\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.SetFeature, "3\03\0"), Is.EqualTo("OK\0"));
        Assert.That(Ask(_tool, XenStoreMessageType.GetFeature, "3\0"), Is.EqualTo("3\0"));
        var guest = _machine.NewGuest(Waiting);
        _machine.Store.Introduce(Waiting, new Pfn(0), new EventPort(5));
        Assert.That(Ask(guest, XenStoreMessageType.GetFeature, ""), Is.EqualTo("3\0"));
        Assert.That(Ask(guest, XenStoreMessageType.Watch, "/local/domain/3\0t\00\0"), Is.EqualTo("EINVAL\0"), "a depth was not offered");
        Assert.That(Ask(guest, XenStoreMessageType.Watch, "/local/domain/3\0t\0"), Is.EqualTo("OK\0"));
    }

    [Test]
    public void A_watch_of_a_depth_reaches_so_many_levels()
    {
        foreach (var (depth, token) in new[] { ("0", "node"), ("1", "children"), ("2", "grandchildren") })
            Assert.That(Ask(_tool, XenStoreMessageType.Watch, $"/d\0{token}\0{depth}\0"), Is.EqualTo("OK\0"));
        Ask(_tool, XenStoreMessageType.Watch, "/d\0all\0");
        Assert.That(Events("/d"), Is.EqualTo(new[] { "node", "children", "grandchildren", "all" }));
        Assert.That(Events("/d/1"), Is.EqualTo(new[] { "children", "grandchildren", "all" }));
        Assert.That(Events("/d/1/2"), Is.EqualTo(new[] { "grandchildren", "all" }));
        Assert.That(Events("/d/1/2/3"), Is.EqualTo(new[] { "all" }));
        Assert.That(Events("/other"), Is.Empty);
    }

    [Test]
    public void A_watch_of_the_root_and_a_relative_one_have_depths_as_well()
    {
        Ask(_tool, XenStoreMessageType.Watch, "/\0root\01\0");
        Ask(_limited, XenStoreMessageType.Watch, "x\0own\01\0");
        Assert.That(Events("/top"), Is.EqualTo(new[] { "root" }));
        Assert.That(Events("/top/below"), Is.Empty);
        _limited.Receive();
        Events("/local/domain/1/x/y/z");
        Assert.That(_limited.Receive(), Is.Empty);
        Ask(_tool, XenStoreMessageType.Write, "/local/domain/1/x/y\0");
        Assert.That(Text(_limited.Receive().Single()), Is.EqualTo("x/y\0own\0"));
    }

    [Test]
    public void A_tree_that_goes_tells_a_watch_of_a_depth_of_its_top()
    {
        Ask(_tool, XenStoreMessageType.Write, "/d/1/2\0");
        Ask(_tool, XenStoreMessageType.Watch, "/d\0one\01\0");
        _tool.Receive();
        _tool.Send((uint)XenStoreMessageType.Remove, 1, 0, "/d/1\0"u8.ToArray());
        _machine.Run();
        Assert.That(_tool.Receive().Where(message => message.Type == XenStoreMessageType.WatchEvent).Select(Text), Is.EqualTo(new[] { "/d/1\0one\0" }));
    }

    [TestCase("/d\0t\0-1\0")]
    [TestCase("/d\0t\0x\0")]
    [TestCase("/d\0t\0\0")]
    [TestCase("/d\0t\01\02\0")]
    [TestCase("@releaseDomain\0t\00\0")]
    [TestCase("@releaseDomain\0t\02\0")]
    public void A_depth_that_is_none_is_refused(string payload)
        => Assert.That(Ask(_tool, XenStoreMessageType.Watch, payload), Is.EqualTo("EINVAL\0"));

    [Test]
    public void A_special_watch_of_depth_1_tells_which_domain()
    {
        Ask(_tool, XenStoreMessageType.Watch, "@releaseDomain\0which\01\0");
        Ask(_tool, XenStoreMessageType.Watch, "@releaseDomain\0some\0");
        Ask(_tool, XenStoreMessageType.Watch, "@introduceDomain\0new\01\0");
        Ask(_tool, XenStoreMessageType.Watch, "@releaseDomain/2\0that\0");
        _tool.Receive();
        _machine.Store.Introduce(Waiting, new Pfn(0), new EventPort(5));
        _machine.NewGuest(Waiting);
        _machine.Store.Introduce(Waiting, new Pfn(0), new EventPort(5));
        _machine.Become(Limited, StoreDomainState.Gone);
        _machine.Become(Other, StoreDomainState.Gone);
        _machine.Run();
        Assert.That(_tool.Receive().Select(Text), Is.EqualTo(new[]
        {
            "@introduceDomain/3\0new\0", "@releaseDomain/1\0which\0", "@releaseDomain\0some\0",
            "@releaseDomain/2\0which\0", "@releaseDomain\0some\0", "@releaseDomain/2\0that\0",
        }));
    }

    /// <summary>The tokens of the events that come of a write.</summary>
    private string[] Events(string path)
    {
        _tool.Receive();
        _tool.Send((uint)XenStoreMessageType.Write, 1, 0, Encoding.Latin1.GetBytes(path + "\0"));
        _machine.Run();
        return [.. _tool.Receive().Where(message => message.Type == XenStoreMessageType.WatchEvent).Select(message => Text(message).Split('\0')[1])];
    }

    private string? Ask(PeerEnd peer, XenStoreMessageType type, string payload) => _machine.Ask(peer, type, payload);

    private static string Text(StoreMessage message) => Encoding.Latin1.GetString(message.Payload.Span);
}
