using Pv.Config.Devices;
using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>Screens given by keys of their own instead of <c>vfb</c>, and the emulated devices of HVM domains.</summary>
internal static class DisplaySection
{
    private const int Failed = 3;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        if (domain.Type == DomainType.Pv && domain.Framebuffers.Count == 0)
        {
            if (reader.TryNumber("vnc", out long vnc) && vnc != 0)
            {
                var screen = new FramebufferSpecification { DeviceId = 0 };
                domain.Framebuffers.Add(screen);
                domain.Keyboards.Add(new KeyboardSpecification { DeviceId = domain.Keyboards.Count });
                ReadVnc(reader, screen.Vnc);
                ReadSdl(reader, screen.Sdl);
                screen.Keymap = reader.String("keymap");
            }
        }
        else
        {
            // What is no HVM domain has nowhere to keep them, but a wrong value is warned about.
            ReadVnc(reader, domain.Hvm?.Vnc ?? new VncConfiguration());
            ReadSdl(reader, domain.Hvm?.Sdl ?? new SdlConfiguration());
        }

        domain.DeviceModelRestrict = reader.Boolean("dm_restrict");
        return domain.Hvm is not { } hvm || (ReadGraphics(reader, hvm) && ReadPeripherals(reader, hvm));
    }

    private static void ReadVnc(ConfigReader reader, VncConfiguration vnc)
    {
        vnc.Enable = reader.Boolean("vnc");
        vnc.Listen = reader.String("vnclisten");
        vnc.Password = reader.String("vncpasswd");
        vnc.Display = reader.Integer("vncdisplay") ?? 0;
        vnc.FindUnused = reader.Boolean("vncunused");
    }

    private static void ReadSdl(ConfigReader reader, SdlConfiguration sdl)
    {
        sdl.Enable = reader.Boolean("sdl");
        sdl.OpenGl = reader.Boolean("opengl");
        sdl.Display = reader.String("display");
        sdl.Xauthority = reader.String("xauthority");
    }

    private static bool ReadGraphics(ConfigReader reader, HvmConfiguration hvm)
    {
        if (reader.TryString("vga", out string vga))
        {
            hvm.Vga = vga switch
            {
                "stdvga" => "std",
                "cirrus" or "none" or "qxl" => vga,
                _ => null,
            };
            if (hvm.Vga is null)
                return reader.Refuse($"Unknown vga \"{vga}\" specified");
        }
        else if (reader.TryNumber("stdvga", out long standard))
        {
            hvm.Vga = standard != 0 ? "std" : "cirrus";
        }

        if (reader.TryString("hdtype", out string type))
        {
            if (LibxlNames.Match(["ide", "ahci"], type) is not { } known)
                return reader.Refuse($"ERROR: invalid value \"{type}\" for \"hdtype\"");
            hvm.DiskControllerType = known == "ide" ? null : known;
        }

        hvm.Keymap = reader.String("keymap");
        ReadSpice(reader, hvm.Spice);
        hvm.NoGraphic = reader.Boolean("nographic");
        if (reader.TryNumber("gfx_passthru", out long passthrough, quiet: true))
        {
            hvm.GraphicsPassthrough = passthrough != 0;
        }
        else if (reader.TryString("gfx_passthru", out string kind))
        {
            if (LibxlNames.Match(["default", "igd"], kind) is not { } known)
                return reader.Refuse($"ERROR: invalid value \"{kind}\" for \"gfx_passthru\"");
            hvm.GraphicsPassthroughKind = known == "default" ? null : known;
            hvm.GraphicsPassthrough = true;
        }

        return true;
    }

    private static void ReadSpice(ConfigReader reader, SpiceConfiguration spice)
    {
        spice.Enable = reader.Boolean("spice");
        spice.Port = reader.Integer("spiceport") ?? 0;
        spice.TlsPort = reader.Integer("spicetls_port") ?? 0;
        spice.Host = reader.String("spicehost");
        spice.DisableTicketing = reader.Boolean("spicedisable_ticketing");
        spice.Password = reader.String("spicepasswd");
        spice.AgentMouse = reader.Boolean("spiceagent_mouse");
        spice.VdAgent = reader.Boolean("spicevdagent");
        spice.ClipboardSharing = reader.Boolean("spice_clipboard_sharing");
        spice.UsbRedirection = reader.Integer("spiceusbredirection") ?? 0;
        spice.ImageCompression = reader.String("spice_image_compression");
        spice.StreamingVideo = reader.String("spice_streaming_video");
    }

    private static bool ReadPeripherals(ConfigReader reader, HvmConfiguration hvm)
    {
        (hvm.Serial, hvm.SerialList) = TextOrList(reader, "serial");
        hvm.Boot = reader.String("boot");
        hvm.Usb = reader.Boolean("usb");
        hvm.UsbVersion = reader.Integer("usbversion") ?? 0;
        (hvm.UsbDevice, hvm.UsbDeviceList) = TextOrList(reader, "usbdevice");
        hvm.KeyboardDevice = reader.Boolean("vkb_device");
        hvm.SoundHardware = reader.String("soundhw");
        hvm.PlatformPci = reader.Boolean("xen_platform_pci");
        hvm.PlatformPciBarUncached = reader.Boolean("xen_platform_pci_bar_uc");
        if (hvm.Vnc is { Listen: { } listen, Display: not 0 } && listen.Contains(':'))
            return reader.Refuse("ERROR: Display specified both in vnclisten and vncdisplay!");

        if (reader.TryString("vendor_device", out string vendor))
        {
            if (LibxlNames.Match(["none", "xenserver"], vendor) is not { } known)
                return reader.Refuse($"xl: unknown vendor_device '{vendor}'", Failed);
            hvm.VendorDevice = known == "none" ? null : known;
        }

        return true;
    }

    private static (string? Text, IReadOnlyList<string> List) TextOrList(ConfigReader reader, string key) =>
        reader.List(key, out ConfigList list, quiet: true) == Lookup.Found ? (null, [.. list.LeadingAtoms]) : (reader.String(key), []);
}
