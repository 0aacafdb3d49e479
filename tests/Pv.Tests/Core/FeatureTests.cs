using NUnit.Framework;
using Pv.Abi;

namespace Pv.Tests.Core;

/// <summary>What <c>XENVER_get_features</c> names.</summary>
[TestFixture]
internal sealed class FeatureTests
{
    // What real Xen named to Linux, before and after it asked for the assist.
    private const uint Plain = 0x220e0, WithHighDirectories = 0x220f0;

    [Test]
    public void Page_directories_above_4_GiB_are_named_once_they_are_asked_for()
    {
        using var machine = new TestMachine();
        var guest = new TestGuest(machine, 1);
        Assert.That(Features(guest), Is.EqualTo(Plain));
        Assert.That(guest.Call(HypercallNumber.VmAssist, (ulong)VmAssistCommand.Enable, (ulong)VmAssistType.PaeExtendedCr3), Is.Zero);
        Assert.That(Features(guest), Is.EqualTo(WithHighDirectories));
        machine.Destroy(guest.Domain);
    }

    private static uint Features(TestGuest guest)
    {
        Assert.That(guest.Call(HypercallNumber.XenVersion, (ulong)XenVersionOperation.GetFeatures, guest.Put(0, new XenFeatureInfo())), Is.Zero);
        return guest.Get<XenFeatureInfo>(0).Submap;
    }
}
