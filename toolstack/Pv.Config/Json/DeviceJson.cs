using Newtonsoft.Json.Linq;
using Pv.Config.Devices;
using Pv.Config.Domain;

namespace Pv.Config.Json;

/// <summary>The devices of libxl_domain_config.</summary>
public static class DeviceJson
{
    /// <summary>libxl_device_disk.</summary>
    public static JObject Convert(DiskSpecification disk) => new JsonMap()
        .Text("backend_domname", disk.BackendDomain)
        .Text("pdev_path", disk.Target)
        .Text("vdev", disk.VirtualDevice)
        .Text("backend", disk.Backend switch
        {
            DiskBackendKind.Phy => "phy",
            DiskBackendKind.Tap => "tap",
            DiskBackendKind.Qdisk => "qdisk",
            DiskBackendKind.Standalone => "standalone",
            _ => null,
        })
        .Text("format", disk.Format switch
        {
            DiskFormat.Qcow => "qcow",
            DiskFormat.Qcow2 => "qcow2",
            DiskFormat.Vhd => "vhd",
            DiskFormat.Raw => "raw",
            DiskFormat.Empty => "empty",
            DiskFormat.Qed => "qed",
            _ => null,
        })
        .Text("script", disk.Script)
        .Number("removable", disk.Removable ? 1 : 0)
        .Number("readwrite", disk.Writable ? 1 : 0)
        .Number("is_cdrom", disk.IsCdrom ? 1 : 0)
        .Flag("direct_io_safe", disk.DirectIoSafe)
        .Switch("discard_enable", disk.Discard)
        .Text("specification", disk.Protocol switch { DiskProtocol.Xen => "xen", DiskProtocol.Virtio => "virtio", _ => null })
        .Switch("colo_enable", disk.Colo)
        .Text("colo_host", disk.ColoHost)
        .Number("colo_port", disk.ColoPort)
        .Text("colo_export", disk.ColoExport)
        .Text("active_disk", disk.ActiveDisk)
        .Text("hidden_disk", disk.HiddenDisk)
        .Switch("trusted", disk.Trusted)
        .Switch("grant_usage", disk.GrantUsage).Object;

    /// <summary>libxl_device_nic.</summary>
    public static JObject Convert(NicSpecification nic)
    {
        var map = new JsonMap()
            .Text("backend_domname", nic.BackendDomain)
            .Optional("devid", nic.DeviceId)
            .Number("mtu", nic.Mtu)
            .Text("model", nic.Model)
            .Text("mac", nic.HasMac ? nic.MacText : null)
            .Text("ip", nic.Ip)
            .Text("bridge", nic.Bridge)
            .Text("ifname", nic.InterfaceName)
            .Text("script", nic.Script)
            .Text("nictype", nic.Kind);
        if (nic.RateBytesPerInterval != 0)
            map.Unsigned("rate_bytes_per_interval", nic.RateBytesPerInterval);
        map.Number("rate_interval_usecs", nic.RateIntervalMicroseconds).Text("gatewaydev", nic.GatewayDevice);
        foreach (string name in NicColoParameters.InOrder)
            map.Text(name, nic.Colo.GetValueOrDefault(name));
        return map.Switch("trusted", nic.Trusted).Text("vlan", nic.Vlan).Object;
    }

    internal static void AppendAll(JsonMap map, DomainConfiguration domain) => map
        .List("disks", domain.Disks, Convert)
        .List("nics", domain.Nics, Convert)
        .List("pcidevs", domain.PciDevices, Convert)
        .List("dtdevs", domain.DeviceTreeDevices, static path => new JsonMap().Text("path", path).Object)
        .List("vfbs", domain.Framebuffers, Convert)
        .List("vkbs", domain.Keyboards, Convert)
        .List("virtios", domain.Virtios, Convert)
        .List("vtpms", domain.Vtpms, static vtpm => Named(vtpm.BackendDomain, vtpm.DeviceId)
            .Text("uuid", vtpm.Uuid == Guid.Empty ? null : vtpm.Uuid.ToString("D")).Object)
        .List("p9s", domain.P9s, Convert)
        .List("pvcallsifs", domain.PvCalls, static calls => Named(calls.BackendDomain, calls.DeviceId).Object)
        .List("vdispls", domain.Displays, Convert)
        .List("vsnds", domain.Sounds, SoundJson.Convert)
        .List("channels", domain.Channels, Convert)
        .List("usbctrls", domain.UsbControllers, Convert)
        .List("usbdevs", domain.UsbDevices, Convert);

    private static string? PolicyName(RdmPolicy policy) => policy switch
    {
        RdmPolicy.Strict => "strict",
        RdmPolicy.Relaxed => "relaxed",
        _ => null,
    };

    internal static JsonMap Named(string? backend, int deviceId) =>
        new JsonMap().Text("backend_domname", backend).Optional("devid", deviceId);

    private static JObject Convert(PciSpecification pci) => new JsonMap()
        .Number("func", pci.Function)
        .Number("dev", pci.Device)
        .Number("bus", pci.Bus)
        .Number("domain", pci.Segment)
        .Number("vdevfn", pci.VirtualDeviceFunction)
        .Number("vfunc_mask", pci.FunctionMask)
        .Flag("msitranslate", pci.MsiTranslate)
        .Flag("power_mgmt", pci.PowerManagement)
        .Flag("permissive", pci.Permissive)
        .Flag("seize", pci.Seize)
        .Text("rdm_policy", PolicyName(pci.RdmPolicy))
        .Text("name", pci.Name).Object;

    private static JObject Convert(FramebufferSpecification screen) => Named(null, screen.DeviceId)
        .Map("vnc", HvmJson.Vnc(screen.Vnc))
        .Map("sdl", HvmJson.Sdl(screen.Sdl))
        .Text("keymap", screen.Keymap).Object;

    private static JObject Convert(KeyboardSpecification keyboard) => Named(keyboard.BackendDomain, keyboard.DeviceId)
        .Text("backend_type", keyboard.BackendType)
        .Text("unique_id", keyboard.UniqueId)
        .Flag("feature_disable_keyboard", keyboard.DisableKeyboard)
        .Flag("feature_disable_pointer", keyboard.DisablePointer)
        .Flag("feature_abs_pointer", keyboard.AbsolutePointer)
        .Flag("feature_raw_pointer", keyboard.RawPointer)
        .Flag("feature_multi_touch", keyboard.MultiTouch)
        .Number("width", keyboard.Width)
        .Number("height", keyboard.Height)
        .Number("multi_touch_width", keyboard.MultiTouchWidth)
        .Number("multi_touch_height", keyboard.MultiTouchHeight)
        .Number("multi_touch_num_contacts", keyboard.MultiTouchContacts).Object;

    private static JObject Convert(VirtioSpecification virtio) => new JsonMap()
        .Text("backend_domname", virtio.BackendDomain)
        .Text("type", virtio.Type)
        .Text("transport", virtio.Transport is "unknown" ? null : virtio.Transport)
        .Switch("grant_usage", virtio.GrantUsage)
        .Optional("devid", virtio.DeviceId).Object;

    private static JObject Convert(P9Specification share) => new JsonMap()
        .Text("backend_domname", share.BackendDomain)
        .Text("tag", share.Tag)
        .Text("path", share.Path)
        .Text("security_model", share.SecurityModel)
        .Text("type", share.Type)
        .Number("max_space", share.MaxSpace)
        .Number("max_files", share.MaxFiles)
        .Number("max_open_files", share.MaxOpenFiles)
        .Flag("auto_delete", share.AutoDelete).Object;

    private static JObject Convert(DisplaySpecification display) => Named(display.BackendDomain, display.DeviceId)
        .Flag("be_alloc", display.BackendAllocates)
        .List("connectors", display.Connectors, static connector => new JsonMap()
            .Text("unique_id", connector.UniqueId)
            .Number("width", connector.Width)
            .Number("height", connector.Height).Object).Object;

    private static JObject Convert(ChannelSpecification channel)
    {
        JsonMap map = Named(channel.BackendDomain, channel.DeviceId).Text("name", channel.Name);
        return (channel.Connection == ChannelConnection.Socket
            ? map.Map("connection.socket", new JsonMap().Text("path", channel.Path))
            : map.Map("connection.pty", new JsonMap())).Object;
    }

    private static JObject Convert(UsbControllerSpecification controller) => new JsonMap()
        .Text("type", controller.Type)
        .Optional("devid", controller.DeviceId)
        .Number("version", controller.Version)
        .Number("ports", controller.Ports).Object;

    /// <summary>Where the file does not give the type, libxl shows nothing of the device's address.</summary>
    private static JObject Convert(UsbDeviceSpecification device)
    {
        var map = new JsonMap();
        if (device.Controller != -1)
            map.Optional("ctrl", device.Controller);
        map.Number("port", device.Port);
        if (device.Type is not null)
            map.Map("type.hostdev", new JsonMap().Number("hostbus", device.HostBus).Number("hostaddr", device.HostAddress));
        return map.Object;
    }
}
