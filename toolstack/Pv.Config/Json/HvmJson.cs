using Newtonsoft.Json.Linq;
using Pv.Config.Devices;
using Pv.Config.Domain;

namespace Pv.Config.Json;

/// <summary>The part of libxl_domain_build_info that HVM domains have, and the screens.</summary>
internal static class HvmJson
{
    internal static JsonMap Convert(HvmConfiguration hvm)
    {
        var map = new JsonMap()
            .Text("firmware", hvm.Firmware)
            .Text("bios", hvm.Bios is "unknown" ? null : hvm.Bios)
            .Switch("pae", hvm.Pae)
            .Switch("acpi_s3", hvm.AcpiS3)
            .Switch("acpi_s4", hvm.AcpiS4)
            .Switch("acpi_laptop_slate", hvm.AcpiLaptopSlate)
            .Switch("nx", hvm.Nx)
            .Switch("viridian", hvm.Viridian)
            .List("viridian_enable", Bits(hvm.ViridianEnable), static bit => bit)
            .List("viridian_disable", Bits(hvm.ViridianDisable), static bit => bit)
            .Switch("hpet", hvm.Hpet)
            .Switch("vpt_align", hvm.VptAlign)
            .Unsigned("mmio_hole_memkb", hvm.MmioHoleKiB)
            .Switch("altp2m", hvm.AlternateP2m)
            .Text("system_firmware", hvm.SystemFirmware)
            .Text("smbios_firmware", hvm.SmbiosFirmware)
            .List("smbios", hvm.Smbios, static pair => new JsonMap().Text("key", pair.Key).Text("value", pair.Value).Object)
            .Text("acpi_firmware", hvm.AcpiFirmware)
            .Text("hdtype", hvm.DiskControllerType)
            .Switch("nographic", hvm.NoGraphic)
            .Map("vga", new JsonMap().Text("kind", hvm.Vga))
            .Map("vnc", Vnc(hvm.Vnc))
            .Text("keymap", hvm.Keymap)
            .Map("sdl", Sdl(hvm.Sdl))
            .Map("spice", Spice(hvm.Spice))
            .Switch("gfx_passthru", hvm.GraphicsPassthrough)
            .Text("gfx_passthru_kind", hvm.GraphicsPassthroughKind)
            .Text("serial", hvm.Serial)
            .Text("boot", hvm.Boot)
            .Switch("usb", hvm.Usb)
            .Number("usbversion", hvm.UsbVersion)
            .Text("usbdevice", hvm.UsbDevice)
            .Switch("vkb_device", hvm.KeyboardDevice)
            .Text("soundhw", hvm.SoundHardware)
            .Switch("xen_platform_pci", hvm.PlatformPci)
            .Texts("usbdevice_list", hvm.UsbDeviceList)
            .Text("vendor_device", hvm.VendorDevice);
        if (hvm.GenerationId is { } id)
            map.Object["ms_vm_genid"] = new JArray(id.ToByteArray().Select(static b => (int)b));
        return map.Texts("serial_list", hvm.SerialList)
            .Map("rdm", new JsonMap())
            .Unsigned("rdm_mem_boundary_memkb", hvm.RdmBoundaryKiB)
            .Unsigned("mca_caps", hvm.McaCapabilities == 0 ? null : hvm.McaCapabilities)
            .Switch("pirq", hvm.Pirq)
            .Switch("xen_platform_pci_bar_uc", hvm.PlatformPciBarUncached);
    }

    internal static JsonMap Vnc(VncConfiguration vnc) => new JsonMap()
        .Switch("enable", vnc.Enable)
        .Text("listen", vnc.Listen)
        .Text("passwd", vnc.Password)
        .Number("display", vnc.Display)
        .Switch("findunused", vnc.FindUnused);

    internal static JsonMap Sdl(SdlConfiguration sdl) => new JsonMap()
        .Switch("enable", sdl.Enable)
        .Switch("opengl", sdl.OpenGl)
        .Text("display", sdl.Display)
        .Text("xauthority", sdl.Xauthority);

    private static JsonMap Spice(SpiceConfiguration spice) => new JsonMap()
        .Switch("enable", spice.Enable)
        .Number("port", spice.Port)
        .Number("tls_port", spice.TlsPort)
        .Text("host", spice.Host)
        .Switch("disable_ticketing", spice.DisableTicketing)
        .Text("passwd", spice.Password)
        .Switch("agent_mouse", spice.AgentMouse)
        .Switch("vdagent", spice.VdAgent)
        .Switch("clipboard_sharing", spice.ClipboardSharing)
        .Number("usbredirection", spice.UsbRedirection)
        .Text("image_compression", spice.ImageCompression)
        .Text("streaming_video", spice.StreamingVideo);

    private static List<int> Bits(uint bits) => [.. Enumerable.Range(0, 32).Where(bit => (bits >> bit & 1) != 0)];
}
