namespace Pv.Config.Devices;

/// <summary>Shared directories (<c>p9</c>).</summary>
internal static class P9Parser
{
    internal static bool ReadAll(ConfigReader reader, List<P9Specification> shares)
    {
        foreach (string entry in reader.Atoms("p9"))
        {
            var share = new P9Specification { DeviceId = shares.Count };
            string? tag = null;
            string? path = null;
            string? security = null;
            foreach (string word in SpecificationWords.Split(entry))
            {
                if (!SpecificationWords.TryPair(word, out string key, out string value))
                    break;
                switch (key)
                {
                    case "security_model": security = value; break;
                    case "path": path = value; break;
                    case "tag": tag = value; break;
                    case "backend": share.BackendDomain = value; break;
                    case "type" when value is "xen_9pfsd" or "qemu": share.Type = value; break;
                    case "max-space": share.MaxSpace = SpecificationWords.Number(value); break;
                    case "max-files": share.MaxFiles = SpecificationWords.Number(value); break;
                    case "max-open-files": share.MaxOpenFiles = SpecificationWords.Number(value); break;
                    case "auto-delete": share.AutoDelete = SpecificationWords.Number(value) != 0; break;
                    default: return reader.Refuse($"Unknown string `{key}' in 9pfs spec");
                }
            }

            if (share.Type == "xen_9pfsd")
            {
                // The daemon knows one model only, and a tag of its own.
                security ??= "none";
                tag ??= "Xen";
            }

            if (path is null || security is null || tag is null)
                return reader.Refuse("9pfs spec missing required field!");
            (share.Tag, share.Path, share.SecurityModel) = (tag, path, security);
            shares.Add(share);
        }

        return true;
    }
}
