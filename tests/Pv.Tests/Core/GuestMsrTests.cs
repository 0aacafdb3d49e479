using NUnit.Framework;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Traps;

namespace Pv.Tests.Core;

/// <summary>Registers whose answers depend on the processor that guests are told of, and so have no real Xen's to be held against.</summary>
[TestFixture]
internal sealed class GuestMsrTests
{
    private const uint FeatureControl = 0x3a, MicrocodeRevision = 0x8b, PlatformInformation = 0xce, MiscFeatures = 0x140, MiscEnable = 0x1a0, TscAux = 0xc000_0103;

    [Test]
    public void The_microcode_is_asked_as_the_manual_says_and_there_is_none()
    {
        using var machine = new TestMachine();
        var vcpu = new TestGuest(machine, 1).Caller;
        Assert.That(Write(vcpu, MicrocodeRevision, 0), Is.True);
        Assert.That(Read(vcpu, MicrocodeRevision), Is.Zero);
        Assert.That(Write(vcpu, MicrocodeRevision, 1), Is.False);
    }

    [Test]
    public void String_instructions_are_fast_and_nothing_samples()
    {
        using var machine = new TestMachine();
        var vcpu = new TestGuest(machine, 1).Caller;
        Assert.That(Read(vcpu, MiscEnable), Is.EqualTo(0x80_1801));
        Assert.That(Write(vcpu, MiscEnable, 0), Is.True);
        Assert.That(Read(vcpu, MiscEnable), Is.EqualTo(0x80_1801), "a write is dropped");
    }

    [Test]
    public void No_feature_can_be_switched_on()
    {
        using var machine = new TestMachine();
        var vcpu = new TestGuest(machine, 1).Caller;
        Assert.That((Read(vcpu, FeatureControl), Read(vcpu, PlatformInformation), Read(vcpu, MiscFeatures)), Is.EqualTo((1ul, 0ul, 0ul)));
        Assert.That(Write(vcpu, MiscFeatures, 0), Is.True);
        Assert.That(new[] { Write(vcpu, MiscFeatures, 1), Write(vcpu, FeatureControl, 1), Write(vcpu, PlatformInformation, 0) }, Is.All.False);
    }

    [Test]
    public void Each_vcpu_has_an_auxiliary_value_of_its_own_beside_the_time()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        Assert.That(Write(guest.Caller, TscAux, 0x1001), Is.True);
        Assert.That(Read(guest.Caller, TscAux), Is.EqualTo(0x1001));
        Assert.That(new VcpuHost(guest.Caller).TscAux, Is.EqualTo(0x1001), "and its instructions find it");
        Assert.That(Read(guest.Victim, TscAux), Is.Zero);
        Assert.That(Write(guest.Caller, TscAux, 1ul << 32), Is.False, "it has 32 bits");
        Assert.That(Read(guest.Caller, TscAux), Is.EqualTo(0x1001));
    }

    private static ulong Read(Vcpu vcpu, uint register)
    {
        vcpu.Registers.Rcx = register;
        Assert.That(GuestMsrs.TryRead(vcpu), Is.True, $"{register:x} can be read");
        return vcpu.Registers.Rdx << 32 | vcpu.Registers.Rax;
    }

    private static bool Write(Vcpu vcpu, uint register, ulong value)
    {
        vcpu.Registers.Rcx = register;
        (vcpu.Registers.Rax, vcpu.Registers.Rdx) = ((uint)value, value >> 32);
        return GuestMsrs.TryWrite(vcpu);
    }
}
