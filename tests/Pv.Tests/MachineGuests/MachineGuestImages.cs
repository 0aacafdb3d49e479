using NUnit.Framework;

namespace Pv.Tests.MachineGuests;

/// <summary>What can be said of the guests without running them.</summary>
[TestFixture]
internal sealed class MachineGuestImages
{
    [Test]
    public void AreManyAndNamedOnce()
    {
        Assert.That(MachineGuestCatalog.All, Has.Count.GreaterThanOrEqualTo(40));
        Assert.That(MachineGuestCatalog.All.Select(guest => guest.Name), Is.Unique);
    }

    [Test]
    public void AreElfKernels([ValueSource(typeof(MachineGuestCatalog), nameof(MachineGuestCatalog.All))] MachineGuest guest)
    {
        var image = guest.BuildImage();
        Assert.That(image.AsSpan(0, 4).ToArray(), Is.EqualTo("\u007fELF"u8.ToArray()));
        Assert.That(guest.Proves, Is.Not.Empty);
    }

    /// <summary>Writes the kernels and their configurations to the folder in PV_GUEST_IMAGES, to be run on real Xen.</summary>
    [Test, Explicit("writes files for another machine")]
    public void WriteForRealXen()
    {
        var folder = Environment.GetEnvironmentVariable("PV_GUEST_IMAGES");
        Assert.That(folder, Is.Not.Null.And.Not.Empty, "PV_GUEST_IMAGES names the folder");
        Directory.CreateDirectory(folder!);
        foreach (var guest in MachineGuestCatalog.All)
        {
            File.WriteAllBytes(Path.Combine(folder!, guest.Name + ".elf"), guest.BuildImage());
            File.WriteAllText(Path.Combine(folder!, guest.Name + ".cfg"), $"""
                name = "{guest.Name}"
                kernel = "/share/g/{guest.Name}.elf"
                memory = 16
                vcpus = {guest.Vcpus}
                max_event_channels = {guest.MaxEventPort}
                on_poweroff = "preserve"
                on_reboot = "preserve"
                on_crash = "preserve"
                on_watchdog = "preserve"
                on_soft_reset = "preserve"

                """);
        }
    }
}
