using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.SystemTests.Hosts;
using Pv.Tests;

namespace Pv.SystemTests.Commands;

/// <summary>A day of somebody who scripts xl, and the JSON that such scripts read.</summary>
[TestFixture]
public sealed class AdministratorTests
{
    [Test]
    public async Task A_script_for_xl_runs_as_on_Xen()
    {
        await using var host = await PvHost.StartAsync(memory: 512);
        await using var script = host.OpenShell($"exec bash '{Repository.Data("xl", "scripts", "administrator.sh")}' \"$1\" '{PvHost.Samples}' '{host.Folder}'");
        Assert.That(await script.ExitAsync(), Is.Zero, script.Shown);
        Assert.That(script.Shown, Does.Contain("steps as on Xen"));
    }

    [Test]
    public async Task The_long_list_has_the_members_of_the_real_one()
    {
        var real = (JObject)JArray.Parse((await File.ReadAllTextAsync(Repository.Data("xl", "outputs", "list-long.txt"))).Split("$ xl list -l cloud-idle\n")[1].Split("--- exit")[0])[0];
        await using var host = await PvHost.StartAsync(memory: 512);
        var uuid = (string)real["config"]!["c_info"]!["uuid"]!;
        var file = host.WriteConfiguration("cloud-idle", $"""
            name="cloud-idle"
            uuid="{uuid}"
            kernel="{PvHost.Samples}"
            extra="guest=Shell"
            memory=128
            vcpus=1
            on_crash="preserve"
            on_reboot="destroy"

            """);
        var created = await host.XlAsync("create", file, "mispelt=1", "vfb=[\"vnc=1\"]", "vfb=[]");
        Assert.That(created.Errors, Is.EqualTo($"Parsing config from {file}\nwarning: {file}: without effect here: mispelt\n"), "an empty list asks for nothing");

        var list = (JObject)JArray.Parse(await host.XlOutputAsync("list", "-l", "cloud-idle"))[0];

        // The guest is another, and so are its number and its files.
        list["domid"] = real["domid"];
        var build = (JObject)list["config"]!["b_info"]!;
        foreach (var member in (string[])["kernel", "cmdline"])
            build[member] = real["config"]!["b_info"]![member];
        build["cmdline"]!.Parent!.AddAfterSelf(new JProperty("ramdisk", real["config"]!["b_info"]!["ramdisk"]));
        Assert.That(list.ToString(), Is.EqualTo(real.ToString()));

        await host.XlOutputAsync("sched-credit2", "-d", "cloud-idle", "-w", "99");
        list = (JObject)JArray.Parse(await host.XlOutputAsync("list", "-l", "cloud-idle"))[0];
        Assert.That((int)list["config"]!["b_info"]!["sched_params"]!["weight"]!, Is.EqualTo(99), "as the scheduler has it now");
    }

    /// <summary>Where a create ends otherwise than on the real host: interfaces are not built yet, and a name may hold a slash.</summary>
    private static readonly string[] Different = ["vif", "a b/c"];

    [Test]
    public async Task Wrong_configurations_end_as_on_the_real_host_and_leave_nothing()
    {
        await using var host = await PvHost.StartAsync(memory: 512);
        var (garbage, disk) = (Path.Combine(host.Folder, "garbage"), Path.Combine(host.Folder, "disk.img"));
        await File.WriteAllTextAsync(garbage, "no kernel");
        await File.WriteAllBytesAsync(disk, new byte[1 << 20]);
        foreach (var vector in JArray.Parse(await File.ReadAllTextAsync(Repository.Data("xl", "errors-create.json"))))
        {
            var text = (string)vector["cfg"]!;
            if (Different.Any(text.Contains))
                continue;
            var file = host.WriteConfiguration("t", text
                .Replace("kernel=\"/guests/grub-x86_64-xen.bin\"", $"kernel=\"{PvHost.Samples}\";extra=\"guest=Shell\"", StringComparison.Ordinal)
                .Replace("/tmp/garbage", garbage, StringComparison.Ordinal).Replace("/tmp/disk.img", disk, StringComparison.Ordinal));
            var create = await host.XlAsync("create", "-p", file);
            Assert.That(create.ExitCode, Is.EqualTo((int)vector["rc"]!), $"{text}\n{create.Errors}");
            var left = (await host.ListAsync()).Skip(1).ToArray();
            Assert.That(left, Has.Length.EqualTo(create.ExitCode == 0 ? 1 : 0), text);
            if (left.Length > 0)
                await host.XlOutputAsync("destroy", $"{left[0].Id}");
        }
    }

    [Test]
    public async Task Two_domains_may_have_one_uuid_as_on_Xen()
    {
        const string Uuid = "11111111-2222-3333-4444-555555555555";
        await using var host = await PvHost.StartAsync(memory: 128);
        var free = await host.FreeMemoryAsync();
        foreach (var name in (string[])["one", "other"])
            await host.XlOutputAsync("create", "-q", "-p", host.WriteSample(name, more: $"uuid=\"{Uuid}\""));

        Assert.That((await host.XlOutputAsync("vm-list")).Split('\n').Count(line => line.StartsWith(Uuid, StringComparison.Ordinal)), Is.EqualTo(2));
        await host.XlOutputAsync("destroy", "other");
        Assert.That(await host.XlOutputAsync("domid", "one"), Is.EqualTo("1\n"));
        await host.XlOutputAsync("rename", "one", "another");
        await host.XlOutputAsync("destroy", "another");
        Assert.That(await host.FreeMemoryAsync(), Is.EqualTo(free));
    }

    /// <summary>Keys that libxl refuses on a host without what they ask for, and those that it only cannot heed.</summary>
    [TestCase("vpmu=1", 6, "no performance counters")]
    [TestCase("tsc_mode=\"native_paravirt\"", 3, "was removed from Xen")]
    [TestCase("cpuid=[\"0x7:eax=00000000000000000000000000000000\"]", 3, "its processor has no leaf 0x7.\n")]
    [TestCase("seclabel=\"system_u:system_r:domU_t\";driver_domain=1;vkb=[\"backend-type=linux\"];vfb=[\"vnc=1\"]", 0, "without effect here: seclabel, vkb, vfb\n")]
    public async Task A_key_acts_or_is_named(string keys, int code, string said)
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        var file = host.WriteSample("guest", more: keys);
        var create = await host.XlAsync("create", "-p", file);

        Assert.That(create.ExitCode, Is.EqualTo(code), create.Errors);
        Assert.That(create.Errors, Does.Contain(said));
        Assert.That(create.Errors.Split('\n').Count(line => line.Contains("without effect", StringComparison.Ordinal)), Is.LessThan(2));
    }

    [Test]
    public async Task What_pvd_logs_is_shown_beside_a_verbose_command()
    {
        await using var host = await PvHost.StartAsync(memory: 128);
        Assert.That((await host.XlAsync("create", "-p", host.WriteSample("quiet"))).Errors, Does.Not.Contain("pvd: "));
        var create = await host.XlAsync("-v", "create", "-p", host.WriteSample("guest"));
        Assert.That(create.Errors, Does.Contain("\npvd: domain 2 (guest) created\n"));
        create = await host.XlAsync("-vT", "destroy", "guest");
        Assert.That(create.Errors, Is.Empty.Or.Match(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \[\d+\] pvd: "));
        create = await host.XlAsync("-vvvT", "create", "-p", host.WriteSample("third"));
        Assert.That(create.Errors, Does.Match(@"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \[\d+\] pvd: domain 3 \(third\) created\n"));
    }

    [Test]
    public async Task Quotas_of_the_store_come_from_the_configuration_and_from_commands()
    {
        await using var host = await PvHost.StartAsync(memory: 512);
        await host.XlOutputAsync("create", "-q", host.WriteSample("guest", more: "xenstore_quota=[\"nodes=77\", \"watches=5\"]"));
        Assert.That(await host.XlOutputAsync("xenstore-quota-get", "guest"), Does.Contain("nodes                77\nwatches              5\n"));
        await host.XlOutputAsync("xenstore-quota-set", "guest", "nodes=78");
        Assert.That(await host.XlOutputAsync("xenstore-quota-get", "guest"), Does.Contain("nodes                78\n"));
        Assert.That(await host.XlOutputAsync("xenstore-quota-get", "-g"), Does.Contain("nodes                1000\n"));

        var refused = await host.XlAsync("create", "-q", host.WriteSample("other", more: "xenstore_quota=[\"nodez=77\"]"));
        Assert.That(refused.ExitCode, Is.EqualTo(3));
        Assert.That(refused.Errors, Does.Contain("nodez"));
        Assert.That(await host.ListAsync(), Has.Count.EqualTo(2), "nothing is left of it");
    }
}
