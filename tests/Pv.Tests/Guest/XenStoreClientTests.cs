using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Machine;
using Pv.XenStore;

namespace Pv.Tests.Guest;

/// <summary>The guest's client against the xenstored that it meets in life.</summary>
[TestFixture]
public sealed class XenStoreClientTests
{
    private static readonly DomId Domain = new(1);

    [Test]
    public async Task Values_directories_and_absence()
    {
        var seen = new List<string?>();
        await RunAsync(async guest =>
        {
            var store = guest.XenStore;
            seen.Add(await store.GetDomainPathAsync(guest.Domain));
            seen.Add(await store.ReadAsync("data/absent"));
            await store.WriteAsync("data/a/b", "väl=ue");
            await store.MakeDirectoryAsync("data/c");
            seen.Add(await store.ReadAsync("data/a/b"));
            seen.Add(string.Join(' ', await store.ListAsync("data") ?? []));
            await store.RemoveAsync("data/a");
            await store.RemoveAsync("data/a");
            seen.Add(await store.ReadAsync("data/a/b"));
            seen.Add((await store.ListAsync("data/a"))?.Count.ToString());
        });
        Assert.That(seen, Is.EqualTo(new[] { "/local/domain/1", null, "väl=ue", "a c", null, null }));
    }

    [Test]
    public async Task Permissions_and_refusals()
    {
        IReadOnlyList<XenStorePermission>? permissions = null;
        XenStoreException? refusal = null;
        await RunAsync(async guest =>
        {
            await guest.XenStore.WriteAsync("data/mine", "1");
            await guest.XenStore.SetPermissionsAsync(
                "data/mine", new XenStorePermission(Domain, XenStoreAccess.None), new XenStorePermission(new DomId(0), XenStoreAccess.Read));
            permissions = await guest.XenStore.GetPermissionsAsync("data/mine");
            try
            {
                await guest.XenStore.WriteAsync("/local/domain/0/theirs", "1");
            }
            catch (XenStoreException failure)
            {
                refusal = failure;
            }
        });
        Assert.That(permissions!.Select(permission => permission.ToString()), Is.EqualTo(new[] { "n1", "r0" }));
        Assert.That(refusal!.Error, Is.EqualTo(Errno.EACCES));
        Assert.That(refusal.Message, Does.Contain("/local/domain/0/theirs"));
    }

    [Test]
    public async Task A_transaction_that_lost_runs_again_on_what_is_there()
    {
        var attempts = 0;
        string? result = null;
        await RunAsync(async guest =>
        {
            await guest.XenStore.WriteAsync("data/count", "1");
            await guest.XenStore.TransactAsync(async store =>
            {
                var count = int.Parse((await store.ReadAsync("data/count"))!);
                if (++attempts == 1)
                    await guest.XenStore.WriteAsync("data/count", "10");
                await store.WriteAsync("data/count", $"{count + 1}");
            });
            result = await guest.XenStore.ReadAsync("data/count");
        });
        Assert.That((attempts, result), Is.EqualTo((2, "11")));
    }

    [Test]
    public async Task An_exception_gives_a_transaction_up()
    {
        string? result = "";
        await RunAsync(async guest =>
        {
            try
            {
                await guest.XenStore.TransactAsync(async store =>
                {
                    await store.WriteAsync("data/x", "1");
                    throw new FormatException();
                });
            }
            catch (FormatException)
            {
                result = await guest.XenStore.ReadAsync("data/x");
            }
        });
        Assert.That(result, Is.Null);
    }

    [Test]
    public async Task Watches_tell_of_changes_in_order_and_end_when_disposed()
    {
        var events = new List<string>();
        await RunAsync(async guest =>
        {
            var watch = await guest.XenStore.WatchAsync("data/w");
            await using var other = await guest.XenStore.WatchAsync("data");
            await foreach (var path in watch.Events)
            {
                events.Add(path);
                if (events.Count == 3)
                    break;
                await guest.XenStore.WriteAsync($"data/w/{events.Count}", "");
            }
            await watch.DisposeAsync();
            await guest.XenStore.WriteAsync("data/w/after", "");
        });
        Assert.That(events, Is.EqualTo(new[] { "data/w", "data/w/1", "data/w/2" }));
    }

    [Test]
    public async Task A_directory_that_fits_no_reply_comes_in_parts()
    {
        var expected = Enumerable.Range(0, 400).Select(number => $"child-with-a-long-name-{number:D4}").ToArray();
        IReadOnlyList<string>? names = null;
        await RunAsync(
            async guest => names = await guest.XenStore.ListAsync("data/many"),
            async store =>
            {
                foreach (var name in expected)
                    await store.WriteAsync($"/local/domain/1/data/many/{name}", "");
                await store.SetPermissionsAsync("/local/domain/1/data/many", new XenStorePermission(Domain, XenStoreAccess.None));
            });
        Assert.That(names, Is.EqualTo(expected));
    }

    [Test]
    public async Task Many_tasks_share_the_ring()
    {
        const int tasks = 20, rounds = 20;
        var wrong = 0;
        await RunAsync(async guest =>
        {
            await Task.WhenAll(Enumerable.Range(0, tasks).Select(async task =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    // Longer than half the ring, so that it fills.
                    var value = new string((char)('a' + task), 600) + round;
                    await guest.XenStore.WriteAsync($"data/{task}", value);
                    if (await guest.XenStore.ReadAsync($"data/{task}") != value)
                        wrong++;
                }
            }));
        });
        Assert.That(wrong, Is.Zero);
    }

    [TestCase("poweroff", ShutdownReason.PowerOff)]
    [TestCase("halt", ShutdownReason.PowerOff)]
    [TestCase("reboot", ShutdownReason.Reboot)]
    public async Task The_toolstacks_request_is_taken_and_done(string request, ShutdownReason expected)
    {
        ShutdownReason? stopped = null;
        using var guest = new GuestHarness(
            async context =>
            {
                await context.XenStore.WriteAsync("data/started", "");
                await new TaskCompletionSource().Task;
            },
            (_, reason) =>
            {
                stopped = reason;
                return Task.CompletedTask;
            },
            withStore: true);
        var store = await RunAsync(guest, prepare: null, then: async client =>
        {
            await using var watch = await client.WatchAsync("/local/domain/1/control");
            await foreach (var _ in watch.Events)
            {
                if (await client.ReadAsync("/local/domain/1/control/feature-reboot") == "1")
                    break;
            }
            await client.WriteAsync("/local/domain/1/control/shutdown", "suspend");
            await client.WriteAsync("/local/domain/1/control/shutdown", request);
        });
        Assert.That(guest.Gate.Shutdown, Is.EqualTo(expected));
        Assert.That(stopped, Is.EqualTo(expected));
        Assert.That(store["control/shutdown"], Is.Empty, "the request is acknowledged");
        Assert.That(store["control/feature-poweroff"], Is.EqualTo("1"));
    }

    private static async Task RunAsync(Func<GuestContext, Task> main, Func<IXenStore, Task>? prepare = null)
    {
        using var guest = new GuestHarness(main, withStore: true);
        await RunAsync(guest, prepare, _ => Task.CompletedTask);
        Assert.That(guest.Gate.CrashReason, Is.Null);
    }

    /// <summary>Runs a guest beside xenstored to its end. Returns what is in its control directory then.</summary>
    private static async Task<Dictionary<string, string?>> RunAsync(GuestHarness guest, Func<IXenStore, Task>? prepare, Func<IXenStore, Task> then)
    {
        await using var daemon = new XenStoreDaemon(new FakeStoreHost(guest));
        var client = daemon.OpenClient();
        foreach (var directory in new[] { "data", "control", "control/shutdown" })
        {
            await client.WriteAsync($"/local/domain/1/{directory}", "");
            await client.SetPermissionsAsync($"/local/domain/1/{directory}", new XenStorePermission(Domain, XenStoreAccess.None));
        }
        if (prepare is not null)
            await prepare(client);
        await client.IntroduceAsync(Domain, FakeGate.StoreFrame, new EventPort(guest.Gate.PeerOf(guest.StorePort.Value)));
        var running = Task.Run(guest.RunToTheEnd);
        await then(client);
        await running;
        var control = new Dictionary<string, string?>();
        foreach (var name in await client.ListAsync("/local/domain/1/control") ?? [])
            control.Add($"control/{name}", await client.ReadAsync($"/local/domain/1/control/{name}"));
        return control;
    }

    private sealed class FakeStoreHost(GuestHarness guest) : IStoreHost
    {
        public StoreDomainState StateOf(DomId domain) => domain.Value <= 1 ? StoreDomainState.Alive : StoreDomainState.Gone;

        public Errno Connect(DomId domain, Pfn page, EventPort port, Action wake, out IStoreChannel? channel)
        {
            channel = new FakeChannel(guest, guest.Gate.Page(page), wake);
            return Errno.None;
        }

        public void Log(string line) => TestContext.Out.WriteLine(line);
    }

    private sealed class FakeChannel : IStoreChannel
    {
        private readonly GuestHarness _guest;
        private readonly Action _wake;

        public FakeChannel(GuestHarness guest, SharedPage page, Action wake)
        {
            (_guest, Page, _wake) = (guest, page, wake);
            guest.Machine[0].Raised += wake;
        }

        public SharedPage Page { get; }

        public void Notify() => _guest.Gate.Raise(_guest.StorePort.Value);

        public void Dispose() => _guest.Machine[0].Raised -= _wake;
    }
}
