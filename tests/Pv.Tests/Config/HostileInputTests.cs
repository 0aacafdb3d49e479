using System.Text;
using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config;
using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Grammar;
using Pv.Config.Json;
using Pv.Config.Pools;
using Pv.Config.Strict;

namespace Pv.Tests.Config;

/// <summary>No input may throw, hang or take memory out of proportion: random text, broken files, and shapes made to hurt.</summary>
public class HostileInputTests
{
    private const int Megabyte = 1 << 20;

    private static readonly string[] Words =
    [
        "memory", "maxmem", "vcpus", "maxvcpus", "cpus", "cpus_soft", "name", "kernel", "disk", "vif", "vfb", "vkb", "pci", "p9",
        "vtpm", "channel", "usbctrl", "usbdev", "vsnd", "vdispl", "vnuma", "cpuid", "ioports", "irqs", "iomem", "type", "builder",
        "uuid", "viridian", "serial", "tsc_mode", "timer_mode", "on_crash", "bootloader_args", "rdm", "firmware", "virtio",
        "xenstore_quota", "smbios", "=", "+=", "[", "]", ",", ";", "\n", "'", "\"", "\\", "#", "\"pv\"", "\"hvm\"", "\"pvh\"",
        "\"pnode=0\"", "\"vcpus=0-3\"", "\"size=64\"", "\"PCM\"", "\"STREAM, type=P\"", "\"host,family=99,tm=x\"", "\"1:eax=x\"",
        "\"format=raw,vdev=xvda,target=/a\"", "\"phy:/a,xvda:cdrom,r\"", "\"mac=00:16:3e:01:02:03,rate=1GB/s@1s\"", "\"00:01.2@5\"",
        "\"3f8-3ff\"", "\"all,^nodes:1,0-18446744073709551614\"", "\"strategy=host,policy=strict\"", "0", "1", "-1", "0x7fffffffffffffff",
        "99999999999999999999", "\"\"", " ", "\t", "é", "\0", "\u2028",
    ];

    [Test]
    public void Random_bytes([Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[400];
        for (int i = 0; i < 1000; i++)
        {
            random.NextBytes(bytes);
            Exercise(Encoding.Latin1.GetString(bytes, 0, random.Next(bytes.Length)));
        }
    }

    [Test]
    public void Random_words([Values(11, 12, 13, 14)] int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 3000; i++)
        {
            var text = new StringBuilder("name='n'\nkernel='/k'\n");
            for (int count = random.Next(40); count > 0; count--)
                text.Append(Words[random.Next(Words.Length)]);
            Exercise(text.ToString());
        }
    }

    /// <summary>Assignments of wrong values: the grammar holds, so that every key's own parser is reached.</summary>
    [Test]
    public void Random_assignments([Values(21, 22, 23, 24)] int seed)
    {
        var random = new Random(seed);
        string[] values = [.. Words.Where(static word => word.Length > 2 && word[0] == '"')];
        for (int i = 0; i < 3000; i++)
        {
            var text = new StringBuilder("name='n'\nkernel='/k'\nvcpus=4\n");
            for (int count = random.Next(8); count > 0; count--)
            {
                string value = Mutate(random, values[random.Next(values.Length)][1..^1]).Replace('"', '.').Replace('\\', '.').Replace('\n', '.');
                string quoted = $"\"{value}\"";
                text.Append(Words[random.Next(39)]).Append(random.Next(4) == 0 ? "+=" : "=").Append(random.Next(3) switch
                {
                    0 => quoted,
                    1 => $"[{quoted}, {quoted}]",
                    _ => $"[[{quoted}], {quoted}]",
                }).Append('\n');
            }

            Exercise(text.ToString());
        }
    }

    [Test]
    public void Mutated_files([Values(31, 32)] int seed)
    {
        var random = new Random(seed);
        foreach (JToken vector in Vectors.Read("grammar"))
        {
            for (int i = 0; i < 8; i++)
                Exercise(Mutate(random, (string)vector["cfg"]!));
        }
    }

    [Test]
    public void Mutated_specifications([Values(41, 42)] int seed)
    {
        var random = new Random(seed);
        var diagnostics = new ConfigDiagnostics();
        foreach (string name in new[] { "block-attach", "network-attach", "vcpu-pin" })
        {
            foreach (JToken vector in Vectors.Read(name))
            {
                for (int i = 0; i < 20; i++)
                {
                    string spec = Mutate(random, (string)vector["spec"]!);
                    DiskSpecification? disk = DiskSpecificationParser.Parse([spec, spec], "fuzz", diagnostics);
                    VirtualDiskNumber.TryParse(disk?.VirtualDevice, out VirtualDiskNumber number);
                    Assert.That(number.XenName, Does.StartWith("xvd"));
                    NicSpecificationParser.ParseEntry(spec, 0, "fuzz", diagnostics);
                    CpuMap.Parse(spec, HostTopology.Assumed, diagnostics);
                    PciSpecificationParser.TryParse(spec, new PciSpecification(), out _);
                    MemorySize.TryParseKiB(spec, out _);
                    CpuPoolConfiguration.Parse(null, $"name=\"p\"\ncpus='{spec}'\n", null, HostTopology.Assumed, diagnostics);
                }
            }
        }

        Assert.That(diagnostics.Lines, Is.Not.Empty);
    }

    private static IEnumerable<TestCaseData> Bombs
    {
        get
        {
            yield return Bomb("comment signs without a newline", Repeat("# ", Megabyte));
            yield return Bomb("open brackets", $"x={new string('[', Megabyte)}");
            yield return Bomb("nested lists", $"x={new string('[', 4000)}{new string(']', 4000)}\n");
            yield return Bomb("additions", Repeat("x+='a'\n", Megabyte));
            yield return Bomb("list additions", Repeat("x+=['a']\n", Megabyte));
            yield return Bomb("unknown disk parameters", $"disk=['{Repeat("unknown=1,", Megabyte)}']\n");
            yield return Bomb("disk flags", $"disk=['{Repeat(" discard,", Megabyte)}']\n");
            yield return Bomb("disk prefixes", $"disk=['{Repeat("tap:", Megabyte)}']\n");
            yield return Bomb("CPUID leaves", $"cpuid=[{string.Concat(Enumerable.Range(0, 50_000).Select(static i => $"'{i}:',"))}]\n");
            yield return Bomb("CPU ranges", $"cpus='{Repeat("0-18446744073709551614,", Megabyte)}'\n");
            yield return Bomb("many vCPUs", "maxvcpus=2147483647\ncpus='all'\n");
            yield return Bomb("virtual nodes", $"maxvcpus=65536\nvnuma=[['vcpus={Repeat("0-65535,", Megabyte)}']]\n");
            yield return Bomb("many virtual nodes", $"vnuma=[{Repeat("[],", Megabyte)}]\n");
            yield return Bomb("quotes", Repeat("'\" ", Megabyte));
            yield return Bomb("errors on every line", Repeat("= =\n", Megabyte));
        }
    }

    [TestCaseSource(nameof(Bombs))]
    public void Made_to_hurt(string text)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exercise($"name='n'\nkernel='/k'\n{text}");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(600L * Megabyte));
    }

    private static TestCaseData Bomb(string name, string text) => new TestCaseData(text).SetArgDisplayNames(name);

    private static string Repeat(string text, int length) => new StringBuilder(length).Insert(0, text, length / text.Length).ToString();

    private static string Mutate(Random random, string text)
    {
        var result = new StringBuilder(text);
        for (int count = random.Next(1, 5); count > 0; count--)
        {
            int at = random.Next(result.Length + 1);
            switch (random.Next(4))
            {
                case 0 when at < result.Length:
                    result.Remove(at, Math.Min(random.Next(1, 4), result.Length - at));
                    break;
                case 1 when at < result.Length:
                    result[at] = (char)random.Next(0, 256);
                    break;
                case 2 when result.Length is > 0 and < 4096:
                    result.Insert(at, result.ToString(at / 2, Math.Min(8, result.Length - at / 2)));
                    break;
                default:
                    result.Insert(at, "=,[]:;'\"\\-@^/0123456789xa \t\n\0"[random.Next(29)]);
                    break;
            }
        }

        return result.ToString();
    }

    /// <summary>What is accepted is shown and checked; what is refused says why.</summary>
    private static void Exercise(string text)
    {
        ParseOutcome outcome = DomainConfigurationParser.Parse("fuzz.cfg", text, ["extra='x'"]);
        if (outcome.Configuration is not { } domain)
        {
            Assert.That(outcome.ExitCode, Is.Not.Zero);
            return;
        }

        string json = DomainConfigurationJson.Render(domain);
        if (json.Length < Megabyte)
            Assert.That(JObject.Parse(json)["c_info"], Is.Not.Null);
        ConfigSettings? settings = DomainConfigurationParser.ParseSettings("fuzz.cfg", text, null, new ConfigDiagnostics());
        if (settings is not null)
            StrictCheck.Check(settings, domain);
    }
}
