namespace Pv.Config.Devices;

/// <summary>Virtio devices (<c>virtio</c>, newer than 4.17).</summary>
internal static class VirtioParser
{
    internal static bool ReadAll(ConfigReader reader, List<VirtioSpecification> devices)
    {
        foreach (string entry in reader.Atoms("virtio"))
        {
            var device = new VirtioSpecification { DeviceId = devices.Count };
            devices.Add(device);
            foreach (string word in SpecificationWords.Split(entry))
            {
                SpecificationWords.TryPair(word, out string key, out string value);
                switch (key)
                {
                    case "backend": device.BackendDomain = value; break;
                    case "type": device.Type = value; break;
                    case "grant_usage": device.GrantUsage = SpecificationWords.Number(value) != 0; break;
                    case "transport" when value.ToLowerInvariant() is "mmio" or "unknown": device.Transport = value.ToLowerInvariant(); break;
                    case "transport": return reader.Refuse($"Invalid virtio transport: {value}");
                    default: return reader.Refuse($"Unknown string \"{word}\" in virtio spec");
                }
            }
        }

        return true;
    }
}
