using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>What is to hold of a domain's disks, network interfaces and channels between them.</summary>
internal static class DeviceRules
{
    internal static void Check(ConfigSettings settings, DomainConfiguration domain, FindingList findings)
    {
        var numbers = new Dictionary<int, string>();
        var written = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < domain.Disks.Count; i++)
        {
            DiskSpecification disk = domain.Disks[i];
            ConfigPosition at = settings.PlaceOf("disk", i);
            if (!VirtualDiskNumber.TryParse(disk.VirtualDevice, out VirtualDiskNumber number))
                findings.Error(at, "disk", $"no virtual device is called \"{disk.VirtualDevice}\"", "xvda is the first disk, xvda1 a partition alone");
            else if (!numbers.TryAdd(number.Number, disk.VirtualDevice!))
                findings.Error(at, "disk", numbers[number.Number] == disk.VirtualDevice ? $"\"{disk.VirtualDevice}\" is given twice" : $"\"{disk.VirtualDevice}\" is the same device as \"{numbers[number.Number]}\"", "each disk needs a vdev of its own");
            if (disk.Target is not { Length: > 0 } target)
                continue;
            if (!written.TryAdd(target, disk.VirtualDevice ?? "") && domain.Disks.Take(i + 1).Any(other => other.Target == target && other.Writable))
                findings.Error(at, "disk", $"\"{target}\" is \"{written[target]}\", too, and one of them writes it", "only what nobody writes can be shared");
        }

        var addresses = new HashSet<string>();
        for (int i = 0; i < domain.Nics.Count; i++)
        {
            NicSpecification nic = domain.Nics[i];
            if (nic.HasMac && !addresses.Add(nic.MacText))
                findings.Error(settings.PlaceOf("vif", i), "vif", $"the address {nic.MacText} is given twice", "each interface needs its own");
            if ((nic.Mac[0] & 1) != 0)
                findings.Error(settings.PlaceOf("vif", i), "vif", $"the address {nic.MacText} is a multicast address", "the first byte is even, as in 00:16:3e");
        }

        var sockets = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < domain.Channels.Count; i++)
        {
            ChannelSpecification channel = domain.Channels[i];
            if (string.IsNullOrEmpty(channel.Name))
                findings.Error(settings.PlaceOf("channel", i), "channel", "a channel has no name", "say name=... by which the guest finds it");
            if (channel is { Connection: ChannelConnection.Socket, Path: { } path } && !sockets.Add(path))
                findings.Error(settings.PlaceOf("channel", i), "channel", $"the socket \"{path}\" is given twice", "each channel needs its own");
        }
    }
}
