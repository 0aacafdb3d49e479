namespace Pv.Config.Devices;

/// <summary>USB controllers and devices (<c>usbctrl</c>, <c>usbdev</c>). Numbers are not range checked, as xl checks them later.</summary>
internal static class UsbParser
{
    internal static bool ReadControllers(ConfigReader reader, List<UsbControllerSpecification> controllers)
    {
        foreach (string entry in reader.Atoms("usbctrl"))
        {
            var controller = new UsbControllerSpecification { DeviceId = controllers.Count };
            controllers.Add(controller);
            foreach (string word in SpecificationWords.Split(entry))
            {
                SpecificationWords.TryPair(word, out string key, out string value);
                switch (key)
                {
                    case "type" when value.ToLowerInvariant() is "auto" or "pv" or "devicemodel" or "qusb":
                        controller.Type = value.ToLowerInvariant() is "auto" ? null : value.ToLowerInvariant();
                        break;
                    case "type": return reader.Refuse($"Invalid usb controller type '{value}'");
                    case "version": controller.Version = CNumber.ParseInteger(value); break;
                    case "ports": controller.Ports = CNumber.ParseInteger(value); break;
                    default: return reader.Refuse($"Unknown string `{word}' in usbctrl spec");
                }
            }
        }

        return true;
    }

    internal static bool ReadDevices(ConfigReader reader, List<UsbDeviceSpecification> devices)
    {
        foreach (string entry in reader.Atoms("usbdev"))
        {
            var device = new UsbDeviceSpecification();
            devices.Add(device);
            foreach (string word in SpecificationWords.Split(entry))
            {
                SpecificationWords.TryPair(word, out string key, out string value);
                switch (key)
                {
                    case "type" when value.ToLowerInvariant() is "hostdev": device.Type = "hostdev"; break;
                    case "type": return reader.Refuse($"Invalid usb device type: {value}");
                    case "hostbus": device.HostBus = unchecked((byte)SpecificationWords.Number(value)); break;
                    case "hostaddr": device.HostAddress = unchecked((byte)SpecificationWords.Number(value)); break;
                    case "controller": device.Controller = CNumber.ParseInteger(value); break;
                    case "port": device.Port = CNumber.ParseInteger(value); break;
                    default: return reader.Refuse($"Unknown string `{word}' in usbdev spec");
                }
            }
        }

        return true;
    }
}
