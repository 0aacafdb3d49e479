using NUnit.Framework;
using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Json;
using Pv.Config.Pools;
using Pv.Config.Strict;

namespace Pv.Tests.Config;

/// <summary>Facts of the manuals that no recorded answer covers.</summary>
public class SpecificationTests
{
    // xen-vbd-interface(7)
    [TestCase("xvda", 202 << 8)]
    [TestCase("xvda1", 202 << 8 | 1)]
    [TestCase("xvdb2", 202 << 8 | 1 << 4 | 2)]
    [TestCase("xvdp15", 202 << 8 | 15 << 4 | 15)]
    [TestCase("xvda16", 1 << 28 | 16)]
    [TestCase("xvdq", 1 << 28 | 16 << 8)]
    [TestCase("xvdaa1", 1 << 28 | 26 << 8 | 1)]
    [TestCase("sda", 8 << 8)]
    [TestCase("sdb3", 8 << 8 | 1 << 4 | 3)]
    [TestCase("hda", 3 << 8)]
    [TestCase("hdb2", 3 << 8 | 1 << 6 | 2)]
    [TestCase("hdc", 22 << 8)]
    [TestCase("hdd1", 22 << 8 | 1 << 6 | 1)]
    [TestCase("d0p1", 202 << 8 | 1)]
    [TestCase("d20p0", 1 << 28 | 20 << 8)]
    [TestCase("51712", 51712)]
    [TestCase("0xca00", 51712)]
    public void Virtual_disk(string name, int expected)
    {
        Assert.That(VirtualDiskNumber.TryParse(name, out VirtualDiskNumber number), Is.True);
        Assert.That(number.Number, Is.EqualTo(expected));
        Assert.That(VirtualDiskNumber.FromNumber(number.Number), Is.EqualTo(number));
    }

    [TestCase("zzz")]
    [TestCase("")]
    [TestCase("xvd")]
    [TestCase("xvda256")]
    [TestCase("hde")]
    [TestCase("sdq")]
    [TestCase("xvda-1")]
    [TestCase("d1")]
    public void No_virtual_disk(string name) => Assert.That(VirtualDiskNumber.TryParse(name, out _), Is.False);

    [TestCase("xvda", "xvda")]
    [TestCase("hdc2", "xvdc2")]
    [TestCase("xvdzz3", "xvdzz3")]
    [TestCase("xvdaaa", "xvdaaa")]
    public void Virtual_disk_as_a_Xen_disk(string name, string expected)
    {
        VirtualDiskNumber.TryParse(name, out VirtualDiskNumber number);
        Assert.That(number.XenName, Is.EqualTo(expected));
    }

    [TestCase("128", 131072)]
    [TestCase("128m", 131072)]
    [TestCase("1G", 1 << 20)]
    [TestCase("2t", 2L << 30)]
    [TestCase("4096b", 4)]
    [TestCase("64k", 64)]
    public void Memory_size(string text, long kiB)
    {
        Assert.That(MemorySize.TryParseKiB(text, out long value), Is.True);
        Assert.That(value, Is.EqualTo(kiB));
    }

    [TestCase("12mb")]
    [TestCase("m")]
    [TestCase("-1")]
    [TestCase("9223372036854775807t")]
    [TestCase("1x")]
    public void No_memory_size(string text) => Assert.That(MemorySize.TryParseKiB(text, out _), Is.False);

    [TestCase("name=\"p\"\nsched=\"credit\"\ncpus=[\"1\", 3]\n", "p", "credit", "1,3")]
    [TestCase("cpus=\"2-5,^3\"\n", "pool.cfg", null, "2,4-5")]
    [TestCase("name='n'\nnodes=1\nsched='RTDS'\n", "n", "rtds", "8-15")]
    [TestCase("nodes=[0,1]\n", "pool.cfg", null, "all")]
    [TestCase("name='x'\n", "x", null, null)]
    public void Cpu_pool(string text, string name, string? scheduler, string? cpus)
    {
        var diagnostics = new ConfigDiagnostics();
        CpuPoolConfiguration? pool = CpuPoolConfiguration.Parse("/etc/pool.cfg", text, null, HostTopology.Assumed, diagnostics);
        Assert.That(diagnostics.Lines, Is.Empty);
        Assert.That((pool!.Name, pool.Scheduler, pool.Cpus?.ToString()), Is.EqualTo((name, scheduler, cpus)));
    }

    [TestCase("cpus=[16]\n", "cpu 16 illegal or not free")]
    [TestCase("sched='none'\n", "Unknown scheduler")]
    [TestCase("cpus='x'\n", "Invalid pcpu range: x.")]
    public void No_cpu_pool(string text, string message)
    {
        var diagnostics = new ConfigDiagnostics();
        Assert.That(CpuPoolConfiguration.Parse("p.cfg", text, null, HostTopology.Assumed, diagnostics), Is.Null);
        Assert.That(diagnostics.Lines, Is.EqualTo(new[] { message }));
    }

    [Test]
    public void Defaults_are_those_of_libxl()
    {
        DomainConfiguration domain = DomainConfigurationParser.Parse("f", "name='n'\nkernel='/k.dll'\ncpus='3'\n").Configuration!;
        Assert.That(domain.EffectiveMemoryKiB, Is.EqualTo(32 * 1024));
        Assert.That((domain.EffectiveMaxVcpus, domain.EffectiveOnlineVcpus), Is.EqualTo((1, 1)));
        Assert.That(domain.HardAffinity!.Single().ToString(), Is.EqualTo("3"));
        Assert.That(domain.EffectiveEventChannels, Is.EqualTo(1023));
        Assert.That(domain.OnReboot, Is.EqualTo(ShutdownAction.Restart));
    }

    [Test]
    public void Shown_as_the_real_tool_lays_it_out()
    {
        DomainConfiguration domain = DomainConfigurationParser.Parse("f", """
            name="a\tb"
            uuid="c7a5fdb2-cdaf-9455-926a-d65c16db1809"
            kernel="/k"

            """).Configuration!;
        Assert.That(DomainConfigurationJson.Render(domain), Is.EqualTo("""
            {
                "c_info": {
                    "type": "pv",
                    "name": "a\tb",
                    "uuid": "c7a5fdb2-cdaf-9455-926a-d65c16db1809",
                    "run_hotplug_scripts": "True"
                },
                "b_info": {
                    "sched_params": {

                    },
                    "claim_mode": "True",
                    "kernel": "/k",
                    "type.pv": {

                    },
                    "arch_arm": {

                    },
                    "arch_x86": {

                    }
                },
                "on_reboot": "restart",
                "on_soft_reset": "soft_reset"
            }
            """));
    }

    [Test]
    public void Strict_names_file_line_and_key()
    {
        const string Text = "name='n'\nkernel='/k'\nmemori=5\nmemory=64\nmaxmem=32\nvcpus='x'\nnomigrate=7\ndisk=['/a,raw,zzz','/b,raw,xvda','/c,raw,xvda']\nvif='x'\n";
        var settings = DomainConfigurationParser.ParseSettings("f.cfg", Text, null, new ConfigDiagnostics())!;
        Assert.That(StrictCheck.Check(settings, DomainConfigurationParser.Parse("f.cfg", Text).Configuration).Select(static finding => $"{finding}"), Is.EqualTo(new[]
        {
            "f.cfg:3:1: error: memori: unknown key; did you mean memory?",
            "f.cfg:4:8: error: memory: must not be more than maxmem",
            "f.cfg:6:7: error: vcpus: must be a number, not \"x\"",
            "f.cfg:7:11: error: nomigrate: must be 0 or 1, not \"7\"",
            "f.cfg:8:7: error: disk: no virtual device is called \"zzz\"; xvda is the first disk, xvda1 a partition alone",
            "f.cfg:8:34: error: disk: \"xvda\" is given twice; each disk needs a vdev of its own",
            "f.cfg:9:5: error: vif: must be a list; write vif = [ \"x\" ]",
        }));
    }
}
