namespace Pv.Config.Domain;

/// <summary>Labels, type, name, UUID, pool.</summary>
internal static class IdentitySection
{
    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        domain.InitialSecurityLabel = reader.String("init_seclabel");
        domain.SecurityLabel = reader.String("seclabel");
        if (!ReadType(reader, domain))
            return false;

        domain.HardwareAssistedPaging = reader.Boolean("hap");
        if (!reader.TryString("name", out string name))
            return reader.Refuse("Domain name must be specified.");
        domain.Name = name;

        if (!reader.TryString("uuid", out string uuid))
            domain.Uuid = Guid.NewGuid();
        else if (Guid.TryParseExact(uuid, "D", out Guid parsed))
            domain.Uuid = parsed;
        else
            return reader.Refuse($"Failed to parse UUID: {uuid}");

        domain.OutOfSyncShadow = reader.Boolean("oos");
        domain.Pool = reader.String("pool");
        if (domain.Type == DomainType.Hvm)
            domain.Hvm = new HvmConfiguration();
        if (domain.Type == DomainType.Pvh)
        {
            domain.PvShim = new PvShimConfiguration
            {
                Enabled = reader.Boolean("pvshim"),
                Path = reader.String("pvshim_path"),
                CommandLine = reader.String("pvshim_cmdline"),
                Extra = reader.String("pvshim_extra"),
            };
        }

        return true;
    }

    /// <summary>Any beginning of a type's name stands for it, in the order hvm, pv, pvh; xl compares no more than is there.</summary>
    private static bool ReadType(ConfigReader reader, DomainConfiguration domain)
    {
        DomainType? type = null;
        if (reader.TryString("type", out string text))
        {
            type = Begins("hvm", text) ? DomainType.Hvm
                : Begins("pv", text) ? DomainType.Pv
                : Begins("pvh", text) ? DomainType.Pvh
                : null;
            if (type is null)
                return reader.Refuse($"Invalid domain type {text}.");
        }

        if (reader.TryString("builder", out string builder))
        {
            DomainType? built = Begins("hvm", builder) ? DomainType.Hvm : Begins("generic", builder) ? DomainType.Pv : null;
            if (built is null)
                return reader.Refuse($"Invalid domain type {builder}.");
            if (type is not null && type != built)
                return reader.Refuse("Contradicting \"builder\" and \"type\" options specified.");
            type = built;
        }

        domain.Type = type ?? DomainType.Pv;
        return true;
    }

    private static bool Begins(string name, string text) => name.StartsWith(text, StringComparison.Ordinal);
}
