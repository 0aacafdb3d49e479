namespace Pv.Config.Devices;

/// <summary>What becomes of reserved device memory that collides with a guest's (libxl_rdm_reserve_policy).</summary>
public enum RdmPolicy
{
    Invalid = -1,
    Strict = 0,
    Relaxed = 1,
}

/// <summary>A PCI device to pass through (libxl_device_pci; xl-pci-configuration(5)).</summary>
public sealed class PciSpecification
{
    /// <summary>The mask for <c>*</c>: every function of the device.</summary>
    public const uint AllFunctions = uint.MaxValue;

    public uint Function { get; set; }

    public uint Device { get; set; }

    public uint Bus { get; set; }

    public uint Segment { get; set; }

    /// <summary>The slot in the guest, shifted as a device-and-function number is.</summary>
    public uint VirtualDeviceFunction { get; set; }

    public uint FunctionMask { get; set; }

    public bool MsiTranslate { get; set; }

    public bool PowerManagement { get; set; }

    public bool Permissive { get; set; }

    public bool Seize { get; set; }

    public RdmPolicy RdmPolicy { get; set; } = RdmPolicy.Invalid;

    public string? Name { get; set; }
}
