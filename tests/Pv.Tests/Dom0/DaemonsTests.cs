using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Toolstack.Domains;

namespace Pv.Tests.Dom0;

/// <summary>xenstored and the console daemon on the real core: pages by grants, events through the hypervisor, guests on their pCPUs.</summary>
[TestFixture, CancelAfter(60_000)]
public class DaemonsTests
{
    private ServedMachine _machine = null!;

    [SetUp]
    public void Create() => _machine = new ServedMachine();

    [TearDown]
    public async Task End()
    {
        await _machine.DisposeAsync();
        Assert.That(_machine.Failures, Is.Empty);
    }

    [Test]
    public async Task A_guest_and_Dom0_speak_through_the_store()
    {
        var domain = await _machine.StartAsync(async guest =>
        {
            await guest.XenStore.WriteAsync("data/from-guest", "hello");
            await using var watch = await guest.XenStore.WatchAsync("data/from-dom0");
            await foreach (var path in watch.Events)
            {
                if (await guest.XenStore.ReadAsync(path) is { } answer)
                {
                    await guest.XenStore.WriteAsync("data/echo", answer);
                    break;
                }
            }
            await new TaskCompletionSource().Task;
        });
        Assert.That(await AppearsAsync($"/local/domain/{domain.Value}/data/from-guest"), Is.EqualTo("hello"));
        await _machine.Store.WriteAsync($"/local/domain/{domain.Value}/data/from-dom0", new string('x', 1500));
        Assert.That(await AppearsAsync($"/local/domain/{domain.Value}/data/echo"), Is.EqualTo(new string('x', 1500)));
    }

    [Test]
    public async Task A_guest_has_no_rights_beyond_its_own()
    {
        var domain = await _machine.StartAsync(async guest =>
        {
            try
            {
                await guest.XenStore.WriteAsync("/local/domain/0/name", "mine");
                await guest.XenStore.WriteAsync("data/result", "written");
            }
            catch (XenStoreException refused)
            {
                await guest.XenStore.WriteAsync("data/result", $"{refused.Error}");
            }
            await new TaskCompletionSource().Task;
        });
        Assert.That(await AppearsAsync($"/local/domain/{domain.Value}/data/result"), Is.EqualTo("EACCES"));
    }

    [Test]
    public async Task A_console_answers_what_is_typed()
    {
        var domain = await _machine.StartAsync(async guest =>
        {
            var buffer = new byte[100];
            await guest.Console.WriteAsync("ready ");
            while (await guest.Console.ReadAsync(buffer) is > 0 and var read)
                await guest.Console.WriteAsync(Encoding.ASCII.GetString(buffer, 0, read).ToUpperInvariant());
        });
        await using var reader = _machine.Consoles.Attach(domain, 0)!;
        await reader.WriteAsync("abc"u8.ToArray(), _machine.Failures.InVain);
        Assert.That(await ReadAsync(reader, 9), Is.EqualTo("ready ABC"));
    }

    [Test]
    public async Task Much_output_arrives_whole()
    {
        var text = string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i} "));
        var domain = await _machine.StartAsync(async guest =>
        {
            await guest.Console.WriteAsync(text);
            await new TaskCompletionSource().Task;
        });
        await using var reader = _machine.Consoles.Attach(domain, 0)!;
        Assert.That(await ReadAsync(reader, text.Length), Is.EqualTo(text));
    }

    [Test]
    public async Task A_guest_that_ends_is_announced_and_leaves_nothing()
    {
        var before = _machine.Core.FreeFrames;
        await using var watch = await _machine.Store.WatchAsync("@releaseDomain");
        var events = watch.Events.GetAsyncEnumerator(_machine.Failures.InVain);
        await events.MoveNextAsync();

        var domain = await _machine.StartAsync(guest => guest.XenStore.WriteAsync("data/last", "words"));
        await events.MoveNextAsync();
        Assert.That(_machine.Control.GetDomainInfo(domain)?.ShutdownReason, Is.EqualTo(ShutdownReason.PowerOff));
        Assert.That(await _machine.Store.ReadAsync($"/local/domain/{domain.Value}/data/last"), Is.EqualTo("words"));

        await _machine.Consoles.CloseAsync(domain);
        _machine.Control.DestroyDomain(domain).OrThrow("XEN_DOMCTL_destroydomain");
        await events.MoveNextAsync();
        Assert.That(await _machine.Store.IsIntroducedAsync(domain), Is.False);
        Assert.That(await _machine.Store.ReadAsync($"/local/domain/{domain.Value}/data"), Is.Null);
        Assert.That(_machine.Control.GetDomainInfo(domain), Is.Null, "the daemons let its last frames go");
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(before));
    }

    [Test]
    public async Task Many_guests_are_served_at_once()
    {
        var domains = new List<DomId>();
        for (var i = 0; i < 40; i++)
        {
            domains.Add(await _machine.StartAsync(async guest =>
            {
                for (var k = 0; k < 20; k++)
                    await guest.XenStore.WriteAsync($"data/{k}", $"{guest.Domain.Value}");
                await guest.XenStore.WriteAsync("data/done", "yes");
                await new TaskCompletionSource().Task;
            }));
        }
        foreach (var domain in domains)
        {
            Assert.That(await AppearsAsync($"/local/domain/{domain.Value}/data/done"), Is.EqualTo("yes"));
            Assert.That(await _machine.Store.ReadAsync($"/local/domain/{domain.Value}/data/19"), Is.EqualTo($"{domain.Value}"));
        }
    }

    /// <summary>Waits for a node to be written.</summary>
    private async Task<string> AppearsAsync(string path)
    {
        await using var watch = await _machine.Store.WatchAsync(path);
        await foreach (var _ in watch.Events.WithCancellation(_machine.Failures.InVain))
        {
            if (await _machine.Store.ReadAsync(path) is { Length: > 0 } value)
                return value;
        }
        throw new InvalidOperationException("The store stopped.");
    }

    private async Task<string> ReadAsync(IConsoleReader reader, int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await reader.ReadAsync(bytes.AsMemory(at), _machine.Failures.InVain);
            Assert.That(read, Is.Positive, Encoding.ASCII.GetString(bytes, 0, at));
            at += read;
        }
        return Encoding.ASCII.GetString(bytes);
    }
}
