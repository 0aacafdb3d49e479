namespace Pv.Config.Devices;

/// <summary>Sockets served by another domain (<c>pvcalls</c>).</summary>
internal static class PvCallsParser
{
    internal static bool ReadAll(ConfigReader reader, List<PvCallsSpecification> interfaces)
    {
        foreach (string entry in reader.Atoms("pvcalls"))
        {
            var calls = new PvCallsSpecification { DeviceId = interfaces.Count };
            interfaces.Add(calls);
            foreach (string word in SpecificationWords.Split(entry))
            {
                if (!SpecificationWords.TryPair(word, out string key, out string value))
                    break;
                if (key != "backend")
                    return reader.Refuse($"Unknown string `{key}' in pvcalls spec");
                calls.BackendDomain = value;
            }
        }

        return true;
    }
}
