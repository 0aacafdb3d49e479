using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-12, XSA-156, XSA-260, XSA-444. Debug registers by which a guest would stop the hypervisor, or have it fault without end.</summary>
[TestFixture]
internal sealed class DebugRegisterBits : AdvisoryFixture
{
    [Test]
    public void Breakpoints_are_not_set_in_the_hypervisors_addresses()
    {
        for (ulong which = 0; which < 4; which++)
        {
            foreach (var address in new ulong[] { XenVirtualMemory.Start, XenVirtualMemory.End - 1, 0x0000_8000_0000_0000, 1ul << 63 })
                AssertRefused(Errno.EPERM, () => Attacker.Call(HypercallNumber.SetDebugRegister, which, address), $"{which} {address:x}");
            Assert.That(Attacker.Call(HypercallNumber.GetDebugRegister, which), Is.Zero);
        }
    }

    [Test]
    public void Reserved_bits_are_neither_set_nor_cleared()
    {
        Assert.That(Attacker.Call(HypercallNumber.SetDebugRegister, 6, 0xffff_ffff), Is.Zero);
        Assert.That(Attacker.Call(HypercallNumber.GetDebugRegister, 6), Is.EqualTo(0xffff_effF));
        AssertRefused(Errno.EPERM, () => Attacker.Call(HypercallNumber.SetDebugRegister, 7, 1 << 13), "general detection");
        AssertRefused(Errno.EINVAL, () => Attacker.Call(HypercallNumber.SetDebugRegister, 7, 1ul << 32));
        Assert.That(Attacker.Call(HypercallNumber.SetDebugRegister, 7, 0xffff_dfff), Is.Zero);
        Assert.That(Attacker.Call(HypercallNumber.GetDebugRegister, 7) & 0xd000, Is.Zero);
    }

    [Test]
    public void Registers_that_do_not_exist_are_refused()
    {
        foreach (var which in new ulong[] { 8, 15, 255, 256, 0x7fff_ffff, 0xffff_ffff })
        {
            AssertRefused(Errno.ENODEV, () => Attacker.Call(HypercallNumber.SetDebugRegister, which, 0));
            AssertRefused(Errno.ENODEV, () => Attacker.Call(HypercallNumber.GetDebugRegister, which));
        }
    }
}
