using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>What a guest makes the store remember is bounded while the guest is there, and gone when it is gone.</summary>
[TestFixture, NonParallelizable]
public class StoreMemoryTests
{
    private static readonly DomId Bad = new(1);

    /// <summary>Of one guest that has all that it may have: its quota of memory, and what objects cost beside their bytes.</summary>
    private const long MostOfOneGuest = 24 << 20;

    private StoreMachine _machine = null!;

    [SetUp]
    public void Create() => _machine = new StoreMachine();

    [TearDown]
    public void Dispose() => _machine.Dispose();

    [Test]
    public void Memory_returns_when_a_hostile_guest_goes()
    {
        var tool = _machine.NewTool();
        Ask(tool, 0, XenStoreMessageType.Write, "/shared\0");
        Ask(tool, 0, XenStoreMessageType.SetPerms, "/shared\0r0\0");
        LiveOneLife(tool);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var life = 0; life < 3; life++)
        {
            LiveOneLife(tool);
            Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(256 << 10), "what it left behind");
        }
    }

    [Test]
    public async Task Events_for_a_reader_of_this_process_that_does_not_read_are_bounded()
    {
        var watch = new StoreWatch(new StoreSession(_machine.Store), "/watched", "token");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 100_000; i++)
            watch.Tell($"/watched/{i / 10}");
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(1 << 20));
        watch.End();
        var told = new List<string>();
        await foreach (var path in watch.Events)
            told.Add(path);
        Assert.That(told, Is.Unique.And.Count.EqualTo(1025));
        Assert.That((told[0], told[1023], told[1024]), Is.EqualTo(("/watched/0", "/watched/1023", "/watched")), "in place of the rest: look at all of it");
    }

    /// <summary>A guest takes all that it gets, and dies.</summary>
    private void LiveOneLife(ToolEnd tool)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var guest = MakeGuest(tool);
        var value = new string('v', 1900);
        for (var i = 0; i < 1200; i++)
            Ask(guest, 0, XenStoreMessageType.Write, $"data/{i}\0{value}");
        for (var i = 0; i < 140; i++)
            Ask(guest, 0, XenStoreMessageType.Watch, $"/shared\0{i}{value}\0");
        for (var i = 0; i < 12; i++)
            Ask(guest, 0, XenStoreMessageType.TransactionStart, "\0");
        for (uint transaction = 1; transaction < 12; transaction++)
        {
            for (var i = 0; i < 1100; i++)
                Ask(guest, transaction, XenStoreMessageType.Read, $"/no/{value}/{i}\0");
            for (var i = 0; i < 100; i++)
                Ask(guest, transaction, XenStoreMessageType.Write, $"data/{transaction}/{i}\0{value}");
        }
        guest.IsDeaf = true;
        for (var i = 0; i < 50; i++)
            Ask(guest, 0, XenStoreMessageType.Read, "data/1\0");
        for (var i = 0; i < 3000; i++)
            Ask(tool, 0, XenStoreMessageType.Write, $"/shared/{i}\0");
        Assert.That(_machine.Store.Domains.Introduced(Bad)!.Connection!.Transactions, Has.Count.EqualTo(11));
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(MostOfOneGuest));
        _machine.Become(Bad, StoreDomainState.Gone);
        Ask(tool, 0, XenStoreMessageType.Remove, "/local/domain/1\0");
        for (var i = 0; i < 3000; i++)
            Ask(tool, 0, XenStoreMessageType.Remove, $"/shared/{i}\0");
    }

    private GuestEnd MakeGuest(ToolEnd tool)
    {
        var guest = _machine.NewGuest(Bad);
        _machine.Store.Introduce(Bad, new Pfn(0), new EventPort(5));
        Ask(tool, 0, XenStoreMessageType.Write, "/local/domain/1/data\0");
        Ask(tool, 0, XenStoreMessageType.SetPerms, "/local/domain/1/data\0n1\0");
        return guest;
    }

    private void Ask(PeerEnd peer, uint transaction, XenStoreMessageType type, string payload)
    {
        peer.Send((uint)type, 1, transaction, Encoding.Latin1.GetBytes(payload));
        do
        {
            _machine.Run();
            peer.Receive();
            (peer as GuestEnd)?.Push();
        }
        while (peer is GuestEnd { IsDeaf: false, HasMoreToSend: true });
    }
}
