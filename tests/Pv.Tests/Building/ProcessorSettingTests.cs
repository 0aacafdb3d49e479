using NUnit.Framework;
using Pv.Abi;
using Pv.Config.Domain;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Traps;
using Pv.Tests.Core;
using Pv.Toolstack.Building;
using Pv.Toolstack.Domains;
using Pv.Toolstack.Hypervisor;

namespace Pv.Tests.Building;

/// <summary>What <c>cpuid</c> and <c>tsc_mode</c> of a configuration do to a domain's processor.</summary>
[TestFixture]
internal sealed class ProcessorSettingTests
{
    private const uint NoSubleaf = uint.MaxValue, FirstExtended = 0x8000_0000;

    private TestMachine _machine = null!;
    private HypervisorControl _control = null!;
    private Domain _domain = null!;

    [SetUp]
    public void Start()
    {
        _machine = new TestMachine();
        _control = new HypervisorControl(_machine.Core.Dom0);
        _domain = _machine.CreateDomain(4);
    }

    [TearDown]
    public void Stop() => _machine.Dispose();

    [Test]
    public void Flags_are_taken_away_and_names_changed_as_the_policy_and_the_guest_say()
    {
        var before = See(1);
        Assert.That(before.Ecx & 1u << 31, Is.Not.Zero);
        Apply("cpuid=\"host,hypervisor=0,family=15,model=3,stepping=9,pae=k,tsc=x\"");
        var sees = See(1);
        Assert.That(sees.Ecx, Is.EqualTo(before.Ecx & ~(1u << 31)));
        Assert.That((sees.Edx, sees.Eax), Is.EqualTo((before.Edx, 0x0f39u)));
        var policy = _control.GetCpuid(_domain.Id).Single(leaf => leaf is { Leaf: 1, Subleaf: NoSubleaf });
        Assert.That((policy.Eax, policy.Ecx, policy.Edx), Is.EqualTo((sees.Eax, sees.Ecx, sees.Edx)));
    }

    [Test]
    public void What_the_processor_does_not_have_is_not_had_by_asking()
    {
        var before = See(1);
        Apply("cpuid=[\"0x1:ecx=11111111111111111111111111111111\"]");
        Assert.That(See(1), Is.EqualTo(before));
    }

    [Test]
    public void Leaves_beyond_the_highest_that_was_chosen_are_empty()
    {
        Assert.That(See(0x16).Eax, Is.Not.Zero);
        Apply("cpuid=\"host,maxleaf=0xd\"");
        Assert.That((See(0).Eax, See(0x16).Eax), Is.EqualTo((0xdu, 0u)));
        Assert.That(See(FirstExtended).Eax, Is.EqualTo(0x8000_0008u));
    }

    [Test]
    public void Leaves_of_Xens_own_are_two_at_least()
    {
        Apply("cpuid=\"host,maxhvleaf=1\"");
        Assert.That((See(XenCpuid.FirstLeaf).Eax, See(XenCpuid.FirstLeaf + 2).Eax, See(XenCpuid.FirstLeaf + 3).Eax), Is.EqualTo((XenCpuid.FirstLeaf + 2, 1u, 0u)));
    }

    [Test]
    public void The_counter_that_does_not_vary_can_be_hidden()
    {
        Assert.That(See(FirstExtended + 7).Edx, Is.EqualTo(1u << 8));
        Apply("cpuid=\"host,invtsc=0\"");
        Assert.That(See(FirstExtended + 7).Edx, Is.Zero);
    }

    [TestCase("[\"0x7:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]", "has no leaf 0x7.")]
    [TestCase("[\"1,0:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]", "has no leaf 0x1, subleaf 0.")]
    [TestCase("[\"1:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?\"]", "'?' of leaf 0x1 is none of 0, 1, x, k, s.")]
    [TestCase("\"host,maxleaf=0x100\"", "the hypervisor refuses it (EINVAL)")]
    public void What_makes_no_sense_is_refused(string cpuid, string sentence)
        => Assert.That(() => Apply($"cpuid={cpuid}"), Throws.TypeOf<ToolstackException>().With.Message.Contains(sentence));

    [TestCase("always_emulate", 1u, 3u)]
    [TestCase("native", 2u, 2u)]
    [TestCase("default", 0u, 2u)]
    public void The_way_of_the_counter_is_told(string mode, uint number, uint flags)
    {
        Apply($"tsc_mode=\"{mode}\"");
        var time = See(XenCpuid.FirstLeaf + 3);
        Assert.That((time.Eax, time.Ebx, time.Edx), Is.EqualTo((flags, number, 1u)));
        var info = default(DomctlTscInfo);
        var id = _domain.Id;
        Assert.That(_machine.Control(DomctlOperation.GetTscInfo, ref id, ref info), Is.Zero);
        Assert.That(info.TscMode, Is.EqualTo(number));
    }

    private void Apply(string keys) => ProcessorSetting.Apply(_control, _domain.Id, DomainConfigurationParser.Parse("t.cfg", $"name=\"t\"\nkernel=\"k\"\n{keys}\n").Configuration!);

    private Pv.Cpu.CpuidLeaf See(uint leaf) => GuestCpuid.Get(leaf, 0, _domain.Vcpus[0]!);
}
