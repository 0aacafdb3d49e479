using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Advisories;

/// <summary>XSA-13, XSA-16, XSA-21, XSA-87, XSA-237. Numbers of physical interrupts and devices that no guest has.</summary>
[TestFixture]
internal sealed class PhysicalInterruptBounds : AdvisoryFixture
{
    [Test]
    public void No_physical_interrupt_is_bound_or_asked_about()
    {
        foreach (var pirq in new[] { 0u, 1u, 255u, 256u, 1024u, 0x7fff_ffffu, 0x8000_0000u, uint.MaxValue })
        {
            AssertRefused(() => Events(EventChannelOperation.BindPirq, new EventChannelBindPirq { Pirq = pirq }));
            Attacker.Put(0, (ulong)pirq);
            var before = FrameAccounts.Take(Machine.Core);
            foreach (var operation in Enum.GetValues<PhysdevOperation>().Where(IsOfDevices))
                Assert.That(Attacker.Call(HypercallNumber.PhysdevOp, (ulong)operation, 0), Is.LessThanOrEqualTo(0), $"{operation} of {pirq}");
            AssertAsBefore(before);
        }
    }

    [Test]
    public void Devices_are_not_a_guests_to_prepare()
    {
        foreach (var operation in new[] { PhysdevOperation.PrepareMsix, PhysdevOperation.ReleaseMsix, PhysdevOperation.MapPirq, PhysdevOperation.UnmapPirq, PhysdevOperation.ApicWrite })
            AssertRefused(Errno.EPERM, () => Attacker.Call(HypercallNumber.PhysdevOp, (ulong)operation, 0), $"{operation}");
    }

    [Test]
    public void A_privilege_level_and_a_map_of_ports_have_bounds()
    {
        foreach (var level in new[] { 4u, 0x8000_0000u, uint.MaxValue })
            AssertRefused(Errno.EINVAL, () => Call(HypercallNumber.PhysdevOp, (ulong)PhysdevOperation.SetIopl, new PhysdevSetIopl { Iopl = level }));
        AssertRefused(Errno.EINVAL, () => Call(HypercallNumber.PhysdevOp, (ulong)PhysdevOperation.SetIoBitmap, new PhysdevSetIoBitmap { PortCount = 65537 }));
        AssertRefused(Errno.EINVAL, () => Call(HypercallNumber.PhysdevOp, (ulong)PhysdevOperation.PirqEoiGmfnV2, new PhysdevPirqEoiGmfn { Gmfn = Neighbour.Frames[0].Value }));
    }

    private static bool IsOfDevices(PhysdevOperation operation) => operation is not (PhysdevOperation.SetIopl or PhysdevOperation.SetIoBitmap);
}
