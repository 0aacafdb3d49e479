using Pv.Config.Devices;

namespace Pv.Config.Domain;

/// <summary>The lists of devices, in xl's order.</summary>
internal static class DeviceSections
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        foreach (string entry in reader.Atoms("disk"))
        {
            if (DiskSpecificationParser.Parse([entry], reader.Source, reader.Diagnostics) is not { } disk)
                return reader.RefuseSilently();
            domain.Disks.Add(disk);
        }

        if (!P9Parser.ReadAll(reader, domain.P9s)
            || !VtpmParser.ReadAll(reader, domain.Vtpms)
            || !DisplayParser.ReadAll(reader, domain.Displays)
            || !PvCallsParser.ReadAll(reader, domain.PvCalls)
            || !SoundParser.ReadAll(reader, domain.Sounds)
            || !ChannelParser.ReadAll(reader, domain.Channels))
        {
            return false;
        }

        foreach (string entry in reader.Atoms("vif"))
        {
            if (NicSpecificationParser.ParseEntry(entry, domain.Nics.Count, reader.Source, reader.Diagnostics) is not { } nic)
                return reader.RefuseSilently();
            domain.Nics.Add(nic);
        }

        if (reader.List("vif2", out _) == Lookup.Found)
            reader.Warn("WARNING: vif2: netchannel2 is deprecated and not supported by xl");
        FramebufferParser.ReadAll(reader, domain);
        return UsbParser.ReadControllers(reader, domain.UsbControllers) && UsbParser.ReadDevices(reader, domain.UsbDevices);
    }
}
