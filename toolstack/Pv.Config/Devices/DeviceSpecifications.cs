namespace Pv.Config.Devices;

/// <summary>Where a screen is shown over VNC (libxl_vnc_info).</summary>
public sealed class VncConfiguration
{
    public bool? Enable { get; set; }

    public string? Listen { get; set; }

    public string? Password { get; set; }

    public int Display { get; set; }

    public bool? FindUnused { get; set; }
}

/// <summary>Where a screen is shown in a window (libxl_sdl_info).</summary>
public sealed class SdlConfiguration
{
    public bool? Enable { get; set; }

    public bool? OpenGl { get; set; }

    public string? Display { get; set; }

    public string? Xauthority { get; set; }
}

/// <summary>A virtual screen (<c>vfb</c>).</summary>
public sealed class FramebufferSpecification
{
    public int DeviceId { get; set; }

    public VncConfiguration Vnc { get; } = new();

    public SdlConfiguration Sdl { get; } = new();

    public string? Keymap { get; set; }
}

/// <summary>A virtual keyboard and pointer (<c>vkb</c>; every <c>vfb</c> brings one).</summary>
public sealed class KeyboardSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    /// <summary><c>qemu</c> or <c>linux</c>; null if not given.</summary>
    public string? BackendType { get; set; }

    public string? UniqueId { get; set; }

    public bool DisableKeyboard { get; set; }

    public bool DisablePointer { get; set; }

    public bool AbsolutePointer { get; set; }

    public bool RawPointer { get; set; }

    public bool MultiTouch { get; set; }

    public uint Width { get; set; }

    public uint Height { get; set; }

    public uint MultiTouchWidth { get; set; }

    public uint MultiTouchHeight { get; set; }

    public uint MultiTouchContacts { get; set; }
}

/// <summary>How a channel is connected in the back end's domain.</summary>
public enum ChannelConnection
{
    Unknown = 0,
    Pty = 1,
    Socket = 2,
}

/// <summary>A console with a name (<c>channel</c>).</summary>
public sealed class ChannelSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    public string? Name { get; set; }

    public ChannelConnection Connection { get; set; }

    /// <summary>The path of the socket.</summary>
    public string? Path { get; set; }
}

/// <summary>A shared directory (<c>p9</c>).</summary>
public sealed class P9Specification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    public string Tag { get; set; } = "";

    public string Path { get; set; } = "";

    public string SecurityModel { get; set; } = "";

    /// <summary><c>xen_9pfsd</c> or null (newer than 4.17).</summary>
    public string? Type { get; set; }

    public uint MaxSpace { get; set; }

    public uint MaxFiles { get; set; }

    public uint MaxOpenFiles { get; set; }

    public bool AutoDelete { get; set; }
}

/// <summary>A virtual TPM (<c>vtpm</c>).</summary>
public sealed class VtpmSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    /// <summary>All zero if not given.</summary>
    public Guid Uuid { get; set; }
}

/// <summary>Sockets served by another domain (<c>pvcalls</c>).</summary>
public sealed class PvCallsSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }
}

/// <summary>A virtio device (<c>virtio</c>, newer than 4.17).</summary>
public sealed class VirtioSpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    public string? Type { get; set; }

    public string? Transport { get; set; }

    public bool? GrantUsage { get; set; }
}

/// <summary>A connector of a virtual display.</summary>
public readonly record struct DisplayConnector(string UniqueId, uint Width, uint Height);

/// <summary>A virtual display (<c>vdispl</c>).</summary>
public sealed class DisplaySpecification
{
    public int DeviceId { get; set; }

    public string? BackendDomain { get; set; }

    public bool BackendAllocates { get; set; }

    public List<DisplayConnector> Connectors { get; } = [];
}

/// <summary>A USB controller (<c>usbctrl</c>).</summary>
public sealed class UsbControllerSpecification
{
    public int DeviceId { get; set; }

    /// <summary><c>pv</c>, <c>devicemodel</c>, <c>qusb</c>; null for <c>auto</c>.</summary>
    public string? Type { get; set; }

    public int Version { get; set; }

    public int Ports { get; set; }
}

/// <summary>A USB device of the host (<c>usbdev</c>).</summary>
public sealed class UsbDeviceSpecification
{
    /// <summary>-1 if not given.</summary>
    public int Controller { get; set; } = -1;

    public int Port { get; set; }

    /// <summary><c>hostdev</c>, or null if not given.</summary>
    public string? Type { get; set; }

    public byte HostBus { get; set; }

    public byte HostAddress { get; set; }
}
