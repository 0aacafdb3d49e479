namespace Pv.Config.Devices;

/// <summary>The format of a disk's image (libxl_disk_format).</summary>
public enum DiskFormat
{
    Unknown = 0,
    Qcow = 1,
    Qcow2 = 2,
    Vhd = 3,
    Raw = 4,
    Empty = 5,
    Qed = 6,
}

/// <summary>Who serves a disk (libxl_disk_backend).</summary>
public enum DiskBackendKind
{
    Unknown = 0,
    Phy = 1,
    Tap = 2,
    Qdisk = 3,
    Standalone = 4,
}

/// <summary>The protocol of a disk (libxl_disk_specification).</summary>
public enum DiskProtocol
{
    Unknown = 0,
    Xen = 1,
    Virtio = 2,
}

/// <summary>A disk of a domain (libxl_device_disk), as xl-disk-configuration(5) describes it.</summary>
public sealed class DiskSpecification
{
    /// <summary>The name or number of the back end's domain; null for Dom0.</summary>
    public string? BackendDomain { get; set; }

    /// <summary>The image or device. Null or empty only for an empty drive.</summary>
    public string? Target { get; set; }

    /// <summary>The guest's name for it, such as <c>xvda</c>; see <see cref="VirtualDiskNumber"/>.</summary>
    public string? VirtualDevice { get; set; }

    public DiskBackendKind Backend { get; set; }

    public DiskFormat Format { get; set; }

    /// <summary>The hotplug script that makes the target a device.</summary>
    public string? Script { get; set; }

    public bool Removable { get; set; }

    public bool Writable { get; set; } = true;

    public bool IsCdrom { get; set; }

    public bool DirectIoSafe { get; set; }

    /// <summary>Whether the guest may discard blocks; null leaves it to the back end.</summary>
    public bool? Discard { get; set; }

    public DiskProtocol Protocol { get; set; }

    public bool? Colo { get; set; }

    public string? ColoHost { get; set; }

    public int ColoPort { get; set; }

    public string? ColoExport { get; set; }

    public string? ActiveDisk { get; set; }

    public string? HiddenDisk { get; set; }

    /// <summary>Whether the front end trusts the back end.</summary>
    public bool? Trusted { get; set; }

    public bool? GrantUsage { get; set; }
}
