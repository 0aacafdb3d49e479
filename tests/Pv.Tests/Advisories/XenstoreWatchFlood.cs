using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>
/// XSA-324, XSA-326, XSA-330, XSA-349. Watches and the events of watches beyond measure: of a guest that does not take them, that leaves and takes
/// them again, or that asks for names which make an event too long.
/// </summary>
[TestFixture]
internal sealed class XenstoreWatchFlood : XenstoreFixture
{
    [Test]
    public void There_are_so_many_and_leaving_them_gives_all_back()
    {
        var connection = Machine.Store.Domains.Introduced(Bad)!.Connection!;
        var before = connection.MemoryBytes;
        for (var round = 0; round < 20; round++)
        {
            var had = 0;
            for (var i = 0; i < 200; i++)
                had += Ask(Attacker, XenStoreMessageType.Watch, $"n{i}\0token\0") == "OK\0" ? 1 : 0;
            Assert.That(had, Is.EqualTo(129), "Xen's quota, and one as there");
            Assert.That(Ask(Attacker, XenStoreMessageType.Watch, "more\0token\0"), Is.EqualTo("E2BIG\0"));
            Assert.That(Ask(Attacker, XenStoreMessageType.ResetWatches, "\0"), Is.EqualTo("OK\0"));
        }
        Assert.That(connection.Watches, Is.Empty);
        Assert.That(connection.MemoryBytes, Is.EqualTo(before));
    }

    [Test]
    public void Events_that_nobody_takes_have_a_limit()
    {
        for (var i = 0; i < 100; i++)
            Ask(Attacker, XenStoreMessageType.Watch, $"/local/domain/1\0{i}\0");
        Attacker.IsDeaf = true;
        // Whoever may write what it watches makes them: here the toolstack, each in another place.
        for (var i = 0; i < 600; i++)
            Ask(Tool, XenStoreMessageType.Write, $"/local/domain/1/device/{i}\0");
        var connection = Machine.Store.Domains.Introduced(Bad)!.Connection!;
        Assert.That(connection.Fault, Is.Null);
        // The nodes that the toolstack makes there are counted for the guest, and not refused.
        Assert.That(Machine.Store.MemoryOf(connection), Is.LessThanOrEqualTo(2624 << 10));
    }

    [Test]
    public void A_watch_whose_events_could_not_be_told_is_refused()
    {
        var before = Machine.Store.Domains.Introduced(Bad)!.Connection!.MemoryBytes;
        Assert.That(Ask(Attacker, XenStoreMessageType.Watch, $"{new string('p', 3000)}\0t\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Watch, $"@{new string('p', 3000)}\0t\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Watch, "bad//path\0t\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Watch, "no-token\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Ask(Attacker, XenStoreMessageType.Watch, "\0\0\0\0"), Is.EqualTo("EINVAL\0"));
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.MemoryBytes, Is.EqualTo(before));
    }

    [Test]
    public void A_path_and_a_token_that_are_as_long_as_may_be_are_told_or_dropped()
    {
        var token = new string('t', 2000);
        Ask(Attacker, XenStoreMessageType.Watch, $"/local/domain/1\0{token}\0");
        var deep = string.Concat(Enumerable.Repeat("/abcdefghi", 200));
        Assert.That(Ask(Attacker, XenStoreMessageType.Write, $"/local/domain/1{deep}\0v"), Is.EqualTo("OK\0"));
        Assert.That(Machine.Store.Domains.Introduced(Bad)!.Connection!.Fault, Is.Null);
    }
}
