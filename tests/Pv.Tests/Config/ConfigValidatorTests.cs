using Newtonsoft.Json.Linq;
using NUnit.Framework;
using Pv.Config;
using Pv.Config.Strict;

namespace Pv.Tests.Config;

/// <summary><c>xl validate</c>: what is found, where, and what is advised.</summary>
[TestFixture]
public sealed class ConfigValidatorTests
{
    private const string Good = "name='n'\nkernel='vmlinuz'\nmemory=64\n";

    private string _folder = null!;

    [OneTimeSetUp]
    public void Make()
    {
        _folder = Directory.CreateTempSubdirectory("pv-validate-").FullName;
        foreach (var file in (string[])["vmlinuz", "a.img", "b.img", "guest.dll"])
            File.WriteAllText(Path.Combine(_folder, file), "");
    }

    [OneTimeTearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    private ConfigValidator Validator() => new(_folder, new HostTopology(2));

    private IEnumerable<string> Check(string text) => Validator().Check("f.cfg", text).Select(finding => $"{finding}");

    [TestCase(Good)]
    [TestCase(Good + "disk=['a.img,raw,xvda,rw', 'b.img,raw,xvdb,ro', ',empty,xvdc,ro,cdrom']\nvif=['mac=00:16:3e:00:00:01']\nvcpus=2\ncpus='0-1'\non_crash='preserve'\n")]
    [TestCase("name='n'\nkernel='guest.dll'\nmemory=4\nextra='guest=Shell'\n")]
    public void A_good_one_is_good(string text) => Assert.That(Check(text), Is.Empty);

    [TestCase("memroy=64\n", "f.cfg:4:1: error: memroy: unknown key; did you mean memory?")]
    [TestCase("  on_crahs = 'destroy'\n", "f.cfg:4:3: error: on_crahs: unknown key; did you mean on_crash?")]
    [TestCase("frobnication=1\n", "f.cfg:4:1: error: frobnication: unknown key; xl takes no notice of it: remove it")]
    [TestCase("vcpus='two'\n", "f.cfg:4:7: error: vcpus: must be a number, not \"two\"")]
    [TestCase("vcpus=33\n", "f.cfg:4:7: error: vcpus: must be at most 32, which is as many as a paravirtualized domain can have")]
    [TestCase("maxmem=32\n", "f.cfg:3:8: error: memory: must not be more than maxmem")]
    [TestCase("memory = 128\n", "f.cfg:3:1: warning: memory: is given again in line 4, and this value counts for nothing; keep one of them, or add with +=")]
    [TestCase("maxmem = '64g'\n", "f.cfg:4:10: error: maxmem: must be a number, not \"64g\"; it is an amount in MiB, without a unit")]
    [TestCase("maxmem = 68719476736\n", "f.cfg:4:10: error: maxmem: 68719476736 MiB is more than any host has; it is an amount in MiB: are these KiB or bytes?")]
    [TestCase("maxmem = '-1'\n", "f.cfg:4:10: error: maxmem: must not be negative")]
    [TestCase("ramdisk='initrd'\n", "f.cfg:4:9: error: ramdisk: \"initrd\": no such file; a relative path begins where xl is called, here {folder}")]
    [TestCase("ramdisk='/'\n", "f.cfg:4:9: error: ramdisk: \"/\": is a directory")]
    [TestCase("disk=['a.img,raw,xvda,rw',\n      'b.img,raw,xvda,rw']\n", "f.cfg:5:7: error: disk: \"xvda\" is given twice; each disk needs a vdev of its own")]
    [TestCase("disk=['a.img,raw,xvda,rw','b.img,raw,d0p0,rw']\n", "f.cfg:4:27: error: disk: \"d0p0\" is the same device as \"xvda\"; each disk needs a vdev of its own")]
    [TestCase("disk=['a.img,raw,xvda,rw','a.img,raw,xvdb,ro']\n", "f.cfg:4:27: error: disk: \"a.img\" is \"xvda\", too, and one of them writes it; only what nobody writes can be shared")]
    [TestCase("disk=['a.img,raw,xvda,rw','c.img,raw,xvdb,ro']\n", "f.cfg:4:27: error: disk: \"c.img\": no such file; a relative path begins where xl is called, here {folder}")]
    [TestCase("cmdline='a'\nroot='/dev/xvda'\n", "f.cfg:5:6: warning: root: counts for nothing beside cmdline; put it into cmdline")]
    [TestCase("type='hvm'\n", "f.cfg:4:6: error: type: Pv runs paravirtualized domains only; write type = \"pv\"")]
    [TestCase("type='xyz'\n", "f.cfg:4:6: error: type: Invalid domain type xyz")]
    [TestCase("on_poweroff='explode'\n", "f.cfg:4:13: error: on_poweroff: Unknown on_poweroff action \"explode\" specified")]
    [TestCase("uuid='1-2'\n", "f.cfg:4:6: error: uuid: Failed to parse UUID: 1-2")]
    [TestCase("cap=300\n", "f.cfg:4:5: warning: cap: is more than 1 vCPUs can use; 100 is one whole CPU")]
    [TestCase("vif=['mac=01:00:00:00:00:01']\n", "f.cfg:4:6: error: vif: the address 01:00:00:00:00:01 is a multicast address; the first byte is even, as in 00:16:3e")]
    public void What_nobody_can_mean_is_found(string more, string finding) => Assert.That(Check(Good + more), Is.EqualTo(new[] { finding.Replace("{folder}", _folder, StringComparison.Ordinal) }));

    [TestCase("kernel='vmlinuz'\n", "f.cfg: error: Domain name must be specified; add name = \"NAME\"")]
    [TestCase("name='n'\n", "f.cfg: error: Neither kernel nor bootloader specified; add kernel = \"PATH\"")]
    [TestCase("name=n\n", "f.cfg:1:6: error: config parsing error near `n': syntax error, unexpected IDENT, expecting STRING or NUMBER or '['; put the text in quotes")]
    [TestCase("name='n'\nkernel\n", "a key is followed by = and its value")]
    [TestCase("name='n'\ndisk=['a' 'b']\n", "f.cfg:2:11: error: config parsing error near `'b'': syntax error, unexpected STRING, expecting ']'; separate items by commas, and close the list with ]")]
    [TestCase("name='n'\n\tX=3\n", "f.cfg:2:2: error: ")]
    [TestCase("name='12'\nkernel='guest.dll'\nvcpus=2\n", "f.cfg:3:7: error: vcpus: must be 1: a C# guest has one vCPU")]
    [TestCase("name='n'\nkernel='guest.dll'\ndisk=['x.vmdk,vmdk,xvda,rw']\n", "; the formats are raw, qcow, qcow2, vhd and qed; qemu-img convert makes one of them of others, such as vmdk")]
    public void A_file_that_is_refused_tells_where_and_what_to_do(string text, string part) => Assert.That(string.Join('\n', Check(text)), Does.Contain(part));

    [Test]
    public void Several_files_cannot_share_a_name_or_an_identity()
    {
        var validator = Validator();
        const string Identity = "uuid='c7a5fdb2-cdaf-9455-926a-d65c16db1809'\n";
        Assert.That(validator.Check("a.cfg", Good + Identity), Is.Empty);
        Assert.That(validator.Check("b.cfg", Good + Identity).Select(one => one.Key), Is.EqualTo(new[] { "name", "uuid" }));
        Assert.That(validator.CheckFile("missing.cfg").Single().ToString(), Is.EqualTo("missing.cfg: error: cannot be read: no such file; name a configuration file"));

        var json = JObject.Parse(validator.ToJson());
        Assert.That(((int)json["files"]!, (int)json["errors"]!, (int)json["warnings"]!), Is.EqualTo((3, 1, 2)));
        Assert.That(((JObject)json["findings"]![0]!).Properties().Select(property => property.Name), Is.EqualTo(new[] { "file", "line", "column", "severity", "key", "problem", "advice" }));
    }

    [TestCase("memroy", "memory")]
    [TestCase("vpcus", "vcpus")]
    [TestCase("dsik", "disk")]
    [TestCase("on_poweof", "on_poweroff")]
    [TestCase("zzzz", null)]
    [TestCase("", null)]
    public void The_nearest_key(string word, string? key) => Assert.That(NearestWord.Find(word, ConfigKeys.All), Is.EqualTo(key));
}
