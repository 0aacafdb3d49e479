using System.Text;
using NUnit.Framework;
using Pv.Abi;
using Pv.Guest;
using Pv.Tests.MachineGuests;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Events;

namespace Pv.Tests.Dom0;

/// <summary>The toolstack's domains on the real core: what they are asked, what follows their end, what a restart keeps.</summary>
[TestFixture, CancelAfter(60_000)]
internal sealed class DomainLivesTests
{
    private ServedMachine _machine = null!;

    private CancellationToken InVain => _machine.Failures.InVain;

    [SetUp]
    public void Create() => _machine = new ServedMachine();

    [TearDown]
    public async Task End()
    {
        await _machine.DisposeAsync();
        Assert.That(_machine.Failures, Is.Empty);
    }

    [TestCase(ShutdownRequest.PowerOff, ShutdownReason.PowerOff)]
    [TestCase(ShutdownRequest.Reboot, ShutdownReason.Reboot)]
    public async Task A_kernel_that_takes_the_request_obeys(ShutdownRequest request, ShutdownReason expected)
    {
        var domain = await StartShellAsync("obedient", "on_poweroff=\"preserve\"\non_reboot=\"preserve\"");

        await _machine.Domains.AskToShutDownAsync(domain, request, InVain);

        Assert.That(await ReadAsync(domain, "control/shutdown"), Is.Empty);
        Assert.That(await _machine.Domains.WaitForShutdownAsync(domain, InVain), Is.EqualTo(expected));
    }

    [Test]
    public async Task One_that_may_serve_devices_has_folders_for_a_toolstack_of_its_own()
    {
        var domain = await _machine.CreateShellAsync("driver", "driver_domain=1", paused: true);
        foreach (var folder in (string[])["libxl", "device-model"])
        {
            Assert.That(await ReadAsync(domain, folder), Is.Empty);
            Assert.That(await _machine.Store.GetPermissionsAsync($"/local/domain/{domain.Value}/{folder}"), Is.EqualTo(new XenStorePermission[] { new(domain, XenStoreAccess.None) }));
        }
        var other = await _machine.CreateShellAsync("other", paused: true);
        Assert.That(await ReadAsync(other, "libxl"), Is.Null);
    }

    [Test]
    public async Task A_kernel_that_takes_nothing_is_named()
    {
        await _machine.DisposeAsync();
        _machine = new ServedMachine(patience: TimeSpan.FromMilliseconds(200));
        var domain = await _machine.CreateShellAsync("deaf", paused: true);

        var refusal = Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.AskToShutDownAsync(domain, ShutdownRequest.PowerOff, InVain));

        Assert.That(refusal!.Message, Does.Contain("deaf").And.Contain("control/feature-poweroff"));
        Assert.That(await ReadAsync(domain, "control/shutdown"), Is.EqualTo("poweroff"), "it may take it yet");
    }

    [Test]
    public async Task One_that_is_destroyed_meanwhile_has_obeyed()
    {
        var domain = await _machine.CreateShellAsync("short", paused: true);
        var asked = _machine.Domains.AskToShutDownAsync(domain, ShutdownRequest.PowerOff, InVain);

        await _machine.Domains.DestroyAsync(domain);

        Assert.That(async () => await asked, Throws.Nothing);
    }

    [Test]
    public async Task One_that_is_being_built_is_asked_when_it_is_built()
    {
        var (met, goOn) = (new TaskCompletionSource<DomId>(), new TaskCompletionSource());
        _machine.Domains.Introduced += (domain, _) =>
        {
            met.SetResult(domain);
            return goOn.Task;
        };
        var creating = _machine.CreateShellAsync("built");
        var domain = await met.Task.WaitAsync(InVain);
        var asked = _machine.Domains.AskToShutDownAsync(domain, ShutdownRequest.PowerOff, InVain);
        Assert.That(await ReadAsync(domain, "control/shutdown"), Is.Empty, "nodes are still to be made");

        goOn.SetResult();
        await creating;
        // Its kernel may take it, or be too late for that.
        await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // One that took it is gone, or soon will be.
        await _machine.Domains.DestroyAsync(domain).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _machine.Domains.WaitForEndAsync(domain, CancellationToken.None).WaitAsync(InVain);
        Assert.That(await _machine.Store.ListAsync($"/local/domain/{domain.Value}"), Is.Null, "nothing was made again of what was taken away");
    }

    [Test]
    public async Task One_that_has_shut_down_is_not_asked_again()
    {
        var domain = await StartShellAsync("ended", "on_poweroff=\"preserve\"");
        await TypeAsync(domain, "shutdown");
        await _machine.Domains.WaitForShutdownAsync(domain, InVain);

        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.AskToShutDownAsync(domain, ShutdownRequest.PowerOff, InVain));
    }

    [Test]
    public async Task A_restart_keeps_name_identity_and_what_commands_have_set()
    {
        var first = await StartShellAsync("again", "maxmem=8");
        var before = (await _machine.Domains.FindAsync(first))!;
        await _machine.Domains.SetMemoryTargetAsync(first, 3 << 10);
        await _machine.Domains.SetMaxMemoryAsync(first, 6 << 10);
        await _machine.Domains.RenameAsync(first, "renamed");
        var coming = _machine.Domains.WaitForSuccessorAsync(first, InVain);

        await TypeAsync(first, "reboot");

        var second = (await coming)!.Value;
        await PromptAsync(second);
        var after = (await _machine.Domains.FindAsync(second))!;
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That((after.Name, after.Uuid), Is.EqualTo(("renamed", before.Uuid)));
        Assert.That(await ReadAsync(second, "memory/target"), Is.EqualTo("3072"));
        Assert.That(await ReadAsync(second, "memory/static-max"), Is.EqualTo("6144"));
        Assert.That(await _machine.Domains.FindAsync(first), Is.Null);
        Assert.That(await _machine.Store.ReadAsync($"/local/domain/{first.Value}"), Is.Null);
    }

    [Test]
    public async Task Rename_restart_sets_the_old_one_aside_and_its_end_takes_nothing_of_the_new_one()
    {
        var first = await StartShellAsync("victim", "on_crash=\"rename-restart\"");
        var uuid = (await _machine.Domains.FindAsync(first))!.Uuid;
        var coming = _machine.Domains.WaitForSuccessorAsync(first, InVain);

        await TypeAsync(first, "crash for a look");

        var second = (await coming)!.Value;
        await PromptAsync(second);
        var aside = (await _machine.Domains.FindAsync(first))!;
        var fresh = (await _machine.Domains.FindAsync(second))!;
        Assert.That((fresh.Name, fresh.Uuid), Is.EqualTo(("victim", uuid)));
        Assert.That(aside.Name, Does.Match("^victim-\\d{8}T\\d{6}Z$"));
        Assert.That((aside.Reason, aside.Uuid), Is.EqualTo((ShutdownReason.Crash, Guid.Parse((await ReadAsync(first, "vm"))!["/vm/".Length..]))).And.Not.EqualTo((ShutdownReason.Crash, uuid)));

        await _machine.Domains.DestroyAsync(first);

        Assert.That(await _machine.Store.ReadAsync($"/vm/{uuid}/name"), Is.EqualTo("victim"));
        Assert.That(await _machine.Store.ReadAsync($"/vm/{aside.Uuid}"), Is.Null);
        Assert.That(_machine.Domains.WaitForEndAsync(second, InVain).IsCompleted, Is.False);
    }

    [TestCase("destroy")]
    [TestCase("soft-reset")]
    public async Task An_end_without_restart_leaves_nothing(string action)
    {
        var free = _machine.Core.FreeFrames;
        var domain = await StartShellAsync("gone", $"on_poweroff=\"{action}\"");
        var ended = _machine.Domains.WaitForEndAsync(domain, InVain);
        var successor = _machine.Domains.WaitForSuccessorAsync(domain, InVain);

        await TypeAsync(domain, "shutdown");

        await ended;
        Assert.That(await successor, Is.Null);
        Assert.That(await _machine.Domains.FindAsync(domain), Is.Null);
        Assert.That(_machine.Core.FreeFrames, Is.EqualTo(free));
    }

    [Test]
    public async Task A_restart_that_fails_ends_the_lineage()
    {
        var kernel = Path.Combine(Path.GetTempPath(), $"pv-{Guid.NewGuid()}.elf");
        await File.WriteAllBytesAsync(kernel, MachineGuestCatalog.All[0].BuildImage());
        var domain = await _machine.CreateAsync($"name=\"once\"\nkernel=\"{kernel}\"\nmemory=16\non_poweroff=\"restart\"\non_crash=\"restart\"\non_reboot=\"restart\"", paused: true);
        var ended = _machine.Domains.WaitForEndAsync(domain, InVain);
        File.Delete(kernel);

        await _machine.Domains.UnpauseAsync(domain);

        await ended;
        Assert.That(_machine.Log, Has.Some.Contain("once").And.Some.Contain("No such file"));
    }

    [Test]
    public async Task A_target_is_what_the_guest_may_have_and_comes_to()
    {
        var domain = await StartShellAsync("balloon", "maxmem=8");
        Assert.That(MaximumKib(domain), Is.EqualTo((2 << 10) + 1024), "no more than it begins with, and Xen's slack");

        await _machine.Domains.SetMemoryTargetAsync(domain, 7 << 10);
        Assert.That(MaximumKib(domain), Is.EqualTo((7 << 10) + 1024));
        await UntilAsync(async () => (await _machine.Domains.FindAsync(domain))!.Pages == 7 << 8);

        await _machine.Domains.SetMemoryTargetAsync(domain, 1 << 10);
        await UntilAsync(async () => (await _machine.Domains.FindAsync(domain))!.Pages == 1 << 8);
        Assert.That(await ReadAsync(domain, "memory/target"), Is.EqualTo("1024"));

        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.SetMemoryTargetAsync(domain, 9 << 10));
        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.SetMaxMemoryAsync(domain, 512));
        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.SetMaxMemoryAsync(domain, ulong.MaxValue));
        await _machine.Domains.SetMaxMemoryAsync(domain, 16 << 10);
        Assert.That(MaximumKib(domain), Is.EqualTo((16 << 10) + 1024));
        Assert.That(await ReadAsync(domain, "memory/static-max"), Is.EqualTo("16384"));
    }

    [Test]
    public async Task The_availability_of_vcpus_is_told_from_the_start_and_changes()
    {
        var kernel = Path.Combine(Path.GetTempPath(), $"pv-{Guid.NewGuid()}.elf");
        await File.WriteAllBytesAsync(kernel, MachineGuestCatalog.All[0].BuildImage());
        var domain = await _machine.CreateAsync($"name=\"smp\"\nkernel=\"{kernel}\"\nmemory=16\nvcpus=2\nmaxvcpus=4", paused: true);
        File.Delete(kernel);
        Assert.That(await AvailabilityAsync(domain), Is.EqualTo("online online offline offline "));

        await _machine.Domains.SetOnlineVcpusAsync(domain, 3);
        Assert.That(await AvailabilityAsync(domain), Is.EqualTo("online online online offline "));
        await _machine.Domains.SetOnlineVcpusAsync(domain, 1);
        Assert.That(await AvailabilityAsync(domain), Is.EqualTo("online offline offline offline "));
        Assert.That(_machine.Domains.ConfigurationOf(domain)!.EffectiveOnlineVcpus, Is.EqualTo(1));

        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.SetOnlineVcpusAsync(domain, 0));
        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.SetOnlineVcpusAsync(domain, 5));
        Assert.That((await _machine.Domains.ListVcpusAsync(domain)).Select(vcpu => vcpu.IsOnline), Is.EqualTo(new[] { true, false, false, false }));
    }

    [Test]
    public async Task Pauses_add_up_and_one_too_many_is_told()
    {
        var domain = await StartShellAsync("paused");
        await _machine.Domains.PauseAsync(domain);
        await _machine.Domains.PauseAsync(domain);

        Assert.That(await _machine.Domains.UnpauseAsync(domain), Is.True);
        Assert.That((await _machine.Domains.FindAsync(domain))!.Flags.HasFlag(DomainInfoFlags.Paused), Is.True);
        Assert.That(await _machine.Domains.UnpauseAsync(domain), Is.True);
        Assert.That(await _machine.Domains.UnpauseAsync(domain), Is.False);
        await TypeAsync(domain, "echo on again");
    }

    [Test]
    public async Task What_happens_is_told_in_its_order_and_of_the_dead_nothing_is_left()
    {
        await using var events = await _machine.Domains.Events.SubscribeAsync(devices: false);
        for (var round = 0; round < 4; round++)
        {
            // It finds its end typed already, and its name is free when that is told.
            var domain = await _machine.CreateShellAsync("brief", paused: true);
            await TypeAsync(domain, "shutdown");
            await _machine.Domains.UnpauseAsync(domain);
            Assert.That(await TakeAsync(events, 5), Is.EqualTo(new[] { "Created", "Paused", "Running", "Shutdown", "Destroyed" }));
        }
    }

    [Test]
    public async Task Domain_0_is_left_alone()
    {
        var domains = _machine.Domains;
        Assert.ThrowsAsync<ToolstackException>(() => domains.AskToShutDownAsync(DomId.Dom0, ShutdownRequest.PowerOff, InVain));
        Assert.ThrowsAsync<ToolstackException>(() => domains.SetMemoryTargetAsync(DomId.Dom0, 1024));
        Assert.ThrowsAsync<ToolstackException>(() => domains.SetMaxMemoryAsync(DomId.Dom0, 1024));
        Assert.ThrowsAsync<ToolstackException>(() => domains.SetOnlineVcpusAsync(DomId.Dom0, 1));
        Assert.ThrowsAsync<ToolstackException>(() => domains.SendSysRqAsync(DomId.Dom0, 'h'));
        Assert.ThrowsAsync<ToolstackException>(() => domains.PauseAsync(DomId.Dom0));
        Assert.That((await domains.ListVcpusAsync(DomId.Dom0)).Select(vcpu => (vcpu.IsOnline, vcpu.IsRunning)), Is.EqualTo(new[] { (true, true) }));
    }

    [Test]
    public async Task A_key_and_triggers()
    {
        var domain = await _machine.CreateShellAsync("keys", paused: true);
        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.TriggerAsync(domain, DomainTrigger.Nmi, new VcpuId(0)), "it has no such thing as an NMI");
        await _machine.Domains.SendSysRqAsync(domain, 'h');
        Assert.That(await ReadAsync(domain, "control/sysrq"), Is.EqualTo("h"));

        var refusal = Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.TriggerAsync(domain, DomainTrigger.Power, new VcpuId(0)));
        Assert.That(refusal!.Message, Does.Contain("keys").And.Contain("power"));
        refusal = Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.TriggerAsync(domain, DomainTrigger.Nmi, new VcpuId(7)));
        Assert.That(refusal!.Message, Does.Contain("vCPU 7"));
    }

    [Test]
    public async Task A_core_that_cannot_be_had_is_told_and_leaves_no_half_file()
    {
        var path = Path.Combine(Path.GetTempPath(), $"pv-{Guid.NewGuid()}");
        await File.WriteAllBytesAsync(path, MachineGuestCatalog.All[0].BuildImage());
        var early = await _machine.CreateAsync($"name=\"early\"\nkernel=\"{path}\"\nmemory=16", paused: true);
        var managed = await _machine.CreateShellAsync("managed", paused: true);

        var refusal = Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.DumpCoreAsync(early, path, InVain));
        Assert.That(refusal!.Message, Does.Contain("early").And.Contain("list of frames").And.Contain(path));
        Assert.That(new FileInfo(path).Length, Is.Zero);
        refusal = Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.DumpCoreAsync(managed, path, InVain));
        Assert.That(refusal!.Message, Does.Contain("managed").And.Contain("C# guest"));
        Assert.ThrowsAsync<ToolstackException>(() => _machine.Domains.DumpCoreAsync(early, "/nosuch/folder/core", InVain));
        File.Delete(path);
    }

    private async Task<DomId> StartShellAsync(string name, string more = "")
    {
        var domain = await _machine.CreateShellAsync(name, more);
        await PromptAsync(domain);
        return domain;
    }

    private async Task PromptAsync(DomId domain)
    {
        await using var console = _machine.Consoles.Attach(domain, 0)!;
        var (shown, chunk) = (new StringBuilder(), new byte[256]);
        while (!shown.ToString().Contains("pv> ", StringComparison.Ordinal) && await console.ReadAsync(chunk, InVain) is > 0 and var read)
            shown.Append(Encoding.ASCII.GetString(chunk, 0, read));
        Assert.That(shown.ToString(), Does.Contain("pv> "));
    }

    private async Task TypeAsync(DomId domain, string line)
    {
        await using var console = _machine.Consoles.Attach(domain, 0)!;
        await console.WriteAsync(Encoding.ASCII.GetBytes(line + "\r"), InVain);
    }

    private async Task<string[]> TakeAsync(IEventSubscription events, int count)
    {
        var kinds = new List<string>();
        await foreach (var happened in events.ReadAsync(InVain))
        {
            kinds.Add($"{happened.Kind}");
            if (kinds.Count == count)
                break;
        }
        return [.. kinds];
    }

    private Task<string?> ReadAsync(DomId domain, string node) => _machine.Store.ReadAsync($"/local/domain/{domain.Value}/{node}");

    private ulong MaximumKib(DomId domain) => _machine.Control.GetDomainInfo(domain)!.Value.MaxPages << 2;

    private async Task<string> AvailabilityAsync(DomId domain)
    {
        var all = new StringBuilder();
        foreach (var vcpu in (await _machine.Store.ListAsync($"/local/domain/{domain.Value}/cpu"))!)
            all.Append(await ReadAsync(domain, $"cpu/{vcpu}/availability")).Append(' ');
        return all.ToString();
    }

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        while (!await holds())
            InVain.ThrowIfCancellationRequested();
    }
}
