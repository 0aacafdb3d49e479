using Pv.Config.Devices;

namespace Pv.Config.Domain;

/// <summary>The keys of fully virtualised domains: read, checked and kept, so that a dry run shows them.</summary>
public sealed class HvmConfiguration
{
    public string? Firmware { get; set; }

    public string? Bios { get; set; }

    public bool? Pae { get; set; }

    public bool? AcpiS3 { get; set; }

    public bool? AcpiS4 { get; set; }

    public bool? AcpiLaptopSlate { get; set; }

    public bool? Nx { get; set; }

    public bool? Viridian { get; set; }

    /// <summary>Bits of libxl_viridian_enlightenment.</summary>
    public uint ViridianEnable { get; set; }

    public uint ViridianDisable { get; set; }

    public bool? Hpet { get; set; }

    public bool? VptAlign { get; set; }

    public ulong? MmioHoleKiB { get; set; }

    public bool? AlternateP2m { get; set; }

    public string? SystemFirmware { get; set; }

    public string? SmbiosFirmware { get; set; }

    /// <summary><c>key=value</c> of each SMBIOS string, checked (newer than 4.17).</summary>
    public List<KeyValuePair<string, string>> Smbios { get; } = [];

    public string? AcpiFirmware { get; set; }

    /// <summary><c>ahci</c>, or null for the default, <c>ide</c>.</summary>
    public string? DiskControllerType { get; set; }

    public bool? NoGraphic { get; set; }

    public string? Vga { get; set; }

    public VncConfiguration Vnc { get; } = new();

    public string? Keymap { get; set; }

    public SdlConfiguration Sdl { get; } = new();

    public SpiceConfiguration Spice { get; } = new();

    public bool? GraphicsPassthrough { get; set; }

    public string? GraphicsPassthroughKind { get; set; }

    public string? Serial { get; set; }

    public IReadOnlyList<string> SerialList { get; set; } = [];

    public string? Boot { get; set; }

    public bool? Usb { get; set; }

    public int UsbVersion { get; set; }

    public string? UsbDevice { get; set; }

    public IReadOnlyList<string> UsbDeviceList { get; set; } = [];

    public bool? KeyboardDevice { get; set; }

    public string? SoundHardware { get; set; }

    public bool? PlatformPci { get; set; }

    public bool? PlatformPciBarUncached { get; set; }

    /// <summary><c>xenserver</c>, or null for none.</summary>
    public string? VendorDevice { get; set; }

    /// <summary>A random identifier where the file asks for one.</summary>
    public Guid? GenerationId { get; set; }

    /// <summary><c>host</c>, or null to ignore reserved device memory.</summary>
    public ulong? RdmBoundaryKiB { get; set; }

    public ulong McaCapabilities { get; set; }

    public bool? Pirq { get; set; }
}

/// <summary>Where a screen is shown over SPICE (libxl_spice_info).</summary>
public sealed class SpiceConfiguration
{
    public bool? Enable { get; set; }

    public int Port { get; set; }

    public int TlsPort { get; set; }

    public string? Host { get; set; }

    public bool? DisableTicketing { get; set; }

    public string? Password { get; set; }

    public bool? AgentMouse { get; set; }

    public bool? VdAgent { get; set; }

    public bool? ClipboardSharing { get; set; }

    public int UsbRedirection { get; set; }

    public string? ImageCompression { get; set; }

    public string? StreamingVideo { get; set; }
}
