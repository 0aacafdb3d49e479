using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.XenStore;

namespace Pv.Tests.XenStore;

/// <summary>The daemon with its loop, asked by clients of the same process.</summary>
[TestFixture]
public class XenStoreDaemonTests
{
    private static readonly DomId Guest = new(3);

    private OneRingHost _host = null!;
    private XenStoreDaemon _daemon = null!;
    private IXenStore _store = null!;

    [SetUp]
    public void Start()
    {
        _host = new OneRingHost();
        _daemon = new XenStoreDaemon(_host);
        _store = _daemon.OpenClient();
    }

    [TearDown]
    public async Task Stop()
    {
        await _daemon.DisposeAsync();
        _host.Dispose();
    }

    [Test, CancelAfter(20_000)]
    public async Task Nodes_are_written_read_listed_and_removed()
    {
        await _store.WriteAsync("/vm/name", "grub\0é");
        await _store.MakeDirectoryAsync("/vm/empty");
        Assert.That(await _store.ReadAsync("/vm/name"), Is.EqualTo("grub\0é"));
        Assert.That(await _store.ReadAsync("/vm/none"), Is.Null);
        Assert.That(await _store.ListAsync("/vm"), Is.EqualTo(new[] { "name", "empty" }));
        Assert.That(await _store.ListAsync("/none"), Is.Null);
        await _store.RemoveAsync("/vm/name");
        await _store.RemoveAsync("/vm/name");
        await _store.RemoveAsync("/none/deeper");
        Assert.That(await _store.ListAsync("/vm"), Is.EqualTo(new[] { "empty" }));
    }

    [Test, CancelAfter(20_000)]
    public async Task A_refusal_says_what_was_asked()
    {
        var refused = Assert.ThrowsAsync<XenStoreException>(() => _store.WriteAsync("/bad path", "x"));
        Assert.That(refused!.Error, Is.EqualTo(Errno.EINVAL));
        Assert.That(refused.Subject, Is.EqualTo("/bad path"));
        refused = Assert.ThrowsAsync<XenStoreException>(() => _store.WriteAsync("/long", new string('v', 5000)));
        Assert.That(refused!.Error, Is.EqualTo(Errno.E2BIG));
        await _store.WriteAsync("/good", "x");
    }

    [Test, CancelAfter(20_000)]
    public async Task A_long_listing_comes_in_parts()
    {
        var names = Enumerable.Range(0, 1500).Select(i => $"child{i}").ToList();
        foreach (var name in names)
            await _store.MakeDirectoryAsync($"/many/{name}");
        Assert.That(await _store.ListAsync("/many"), Is.EqualTo(names));
    }

    [Test, CancelAfter(20_000)]
    public async Task Permissions_are_set_as_they_are_read()
    {
        _host.State = StoreDomainState.Alive;
        await _store.MakeDirectoryAsync("/shared");
        await _store.SetPermissionsAsync("/shared", new(Guest, XenStoreAccess.None), new(DomId.Dom0, XenStoreAccess.ReadWrite));
        Assert.That(await _store.GetPermissionsAsync("/shared"), Is.EqualTo(new XenStorePermission[] { new(Guest, XenStoreAccess.None), new(DomId.Dom0, XenStoreAccess.ReadWrite) }));
        Assert.That((await _store.GetPermissionsAsync("/shared")).Select(entry => entry.ToString()), Is.EqualTo(new[] { "n3", "b0" }));
    }

    [Test, CancelAfter(20_000)]
    public async Task A_transaction_that_was_overtaken_runs_again()
    {
        await _store.WriteAsync("/counter", "0");
        var others = _daemon.OpenClient();
        var runs = 0;
        await _store.TransactAsync(async nodes =>
        {
            var value = int.Parse((await nodes.ReadAsync("/counter"))!);
            if (runs++ < 2)
                await others.WriteAsync("/counter", $"{value + 10}");
            await nodes.WriteAsync("/counter", $"{value + 1}");
        });
        Assert.That(runs, Is.EqualTo(3));
        Assert.That(await _store.ReadAsync("/counter"), Is.EqualTo("21"));
    }

    [Test, CancelAfter(20_000)]
    public async Task A_transaction_whose_body_throws_leaves_nothing()
    {
        Assert.ThrowsAsync<InvalidOperationException>(() => _store.TransactAsync(async nodes =>
        {
            await nodes.WriteAsync("/half", "done");
            throw new InvalidOperationException("no");
        }));
        Assert.That(await _store.ReadAsync("/half"), Is.Null);
    }

    [Test, CancelAfter(20_000)]
    public async Task Counters_of_many_clients_add_up()
    {
        await _store.WriteAsync("/sum", "0");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var mine = _daemon.OpenClient();
            for (var i = 0; i < 20; i++)
                await mine.TransactAsync(async nodes => await nodes.WriteAsync("/sum", $"{int.Parse((await nodes.ReadAsync("/sum"))!) + 1}"));
        }));
        Assert.That(await _store.ReadAsync("/sum"), Is.EqualTo("160"));
    }

    [Test, CancelAfter(20_000)]
    public async Task A_watch_tells_of_itself_and_then_of_each_change()
    {
        var watch = await _store.WatchAsync("/watched");
        Assert.That(await Take(watch, 1), Is.EqualTo(new[] { "/watched" }));
        await _store.WriteAsync("/watched/a", "1");
        await _store.WriteAsync("/elsewhere", "1");
        await _store.WriteAsync("/watched/a", "2");
        await _store.RemoveAsync("/watched");
        Assert.That(await Take(watch, 2), Is.EqualTo(new[] { "/watched/a", "/watched" }), "what waits to be told is not told twice");

        await watch.DisposeAsync();
        await _store.WriteAsync("/watched/b", "1");
        Assert.That(await Take(watch, 1), Is.Empty);
    }

    [Test, CancelAfter(20_000)]
    public async Task Watches_end_when_the_daemon_does()
    {
        var watch = await _store.WatchAsync("/watched");
        await _daemon.DisposeAsync();
        Assert.That(await Take(watch, 5), Is.EqualTo(new[] { "/watched" }));
        Assert.ThrowsAsync<ObjectDisposedException>(() => _store.ReadAsync("/watched"));
        await watch.DisposeAsync();
    }

    [Test, CancelAfter(20_000)]
    public async Task Domains_come_and_go()
    {
        var introduced = await _store.WatchAsync(StorePath.IntroduceDomain);
        var released = await _store.WatchAsync(StorePath.ReleaseDomain);
        Assert.ThrowsAsync<XenStoreException>(() => _store.IntroduceAsync(Guest, new Pfn(0), new EventPort(1)));
        _host.State = StoreDomainState.Alive;
        await _store.IntroduceAsync(Guest, new Pfn(0), new EventPort(1));
        Assert.That(await _store.IsIntroducedAsync(Guest), Is.True);

        await _daemon.CheckDomainsAsync();
        _host.State = StoreDomainState.ShutDown;
        await _daemon.CheckDomainsAsync();
        await _daemon.CheckDomainsAsync();
        await _store.ResumeAsync(Guest);
        await _daemon.CheckDomainsAsync();
        await _store.MakeDirectoryAsync("/theirs/below");
        await _store.SetPermissionsAsync("/theirs", new XenStorePermission(Guest, XenStoreAccess.None));
        _host.State = StoreDomainState.Gone;
        await _daemon.CheckDomainsAsync();
        await _daemon.CheckDomainsAsync();
        await _store.ReleaseAsync(Guest);
        Assert.That(await _store.IsIntroducedAsync(Guest), Is.False);
        Assert.That(await _store.ReadAsync("/theirs/below"), Is.Null);
        Assert.That(_host.Closed, Is.EqualTo(1));
        await introduced.DisposeAsync();
        await released.DisposeAsync();
        Assert.That(await Take(introduced, 10), Has.Count.EqualTo(2));
        Assert.That(await Take(released, 10), Has.Count.EqualTo(4), "the first, two shutdowns, the death");
    }

    [Test, CancelAfter(20_000)]
    public async Task A_guest_is_answered_on_its_ring()
    {
        _host.State = StoreDomainState.Alive;
        await _store.IntroduceAsync(Guest, new Pfn(0), new EventPort(1));
        var request = MessageEncoder.Encode(XenStoreMessageType.GetDomainPath, 9, 0, "3\0"u8);
        _host.Page.CopyFrom(0, request);
        _host.Page.WriteUInt32Release(2052, (uint)request.Length);
        _host.Wake!();
        await _host.Notified.WaitAsync(TestContext.CurrentContext.CancellationToken);
        var reply = new byte[XenStoreHeader.WireSize + "/local/domain/3\0".Length];
        Assert.That(_host.Page.ReadUInt32Acquire(2060), Is.EqualTo((uint)reply.Length));
        _host.Page.CopyTo(1024, reply);
        Assert.That(reply, Is.EqualTo(MessageEncoder.Encode(XenStoreMessageType.GetDomainPath, 9, 0, "/local/domain/3\0"u8)));
    }

    private static async Task<List<string>> Take(IXenStoreWatch watch, int most)
    {
        var events = new List<string>();
        await foreach (var path in watch.Events.WithCancellation(TestContext.CurrentContext.CancellationToken))
        {
            events.Add(path);
            if (events.Count == most)
                break;
        }
        return events;
    }

    private sealed class OneRingHost : IStoreHost, IStoreChannel
    {
        private readonly MachineMemory _memory = new(1);

        public StoreDomainState State { get; set; }

        public SharedPage Page => new(_memory, new Mfn(0));

        public Action? Wake { get; private set; }

        public SemaphoreSlim Notified { get; } = new(0);

        public int Closed { get; private set; }

        public StoreDomainState StateOf(DomId domain) => State;

        public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
        {
            Wake = wake;
            channel = new Hold(this);
            return Errno.None;
        }

        public void Notify() => Notified.Release();

        public void Log(string line) => TestContext.Out.WriteLine(line);

        public void Dispose()
        {
            Notified.Dispose();
            _memory.Dispose();
        }

        private sealed class Hold(OneRingHost host) : IStoreChannel
        {
            public SharedPage Page => host.Page;

            public void Notify() => host.Notify();

            public void Dispose() => host.Closed++;
        }
    }
}
