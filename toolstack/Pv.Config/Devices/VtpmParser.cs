namespace Pv.Config.Devices;

/// <summary>Virtual TPMs (<c>vtpm</c>).</summary>
internal static class VtpmParser
{
    internal static bool ReadAll(ConfigReader reader, List<VtpmSpecification> vtpms)
    {
        foreach (string entry in reader.Atoms("vtpm"))
        {
            var vtpm = new VtpmSpecification { DeviceId = vtpms.Count };
            vtpms.Add(vtpm);
            foreach (string word in SpecificationWords.Split(entry))
            {
                if (!SpecificationWords.TryPair(word, out string key, out string value))
                    break;
                switch (key)
                {
                    case "backend":
                        vtpm.BackendDomain = value;
                        break;
                    case "uuid":
                        if (!Guid.TryParseExact(value, "D", out Guid uuid))
                            return reader.Refuse($"Failed to parse vtpm UUID: {value}");
                        vtpm.Uuid = uuid;
                        break;
                    default:
                        return reader.Refuse($"Unknown string `{key}' in vtpm spec");
                }
            }

            if (vtpm.BackendDomain is null)
                return reader.Refuse("vtpm spec missing required backend field!");
        }

        return true;
    }
}
