using Pv.Config.Devices;

namespace Pv.Config.Domain;

/// <summary>Devices of the host that are passed through: PCI, device tree, and the IOMMU mode.</summary>
internal static class PciSection
{
    private const int InvalidArgument = 6;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        bool msiTranslate = reader.Boolean("pci_msitranslate") ?? false;
        bool powerManagement = reader.Boolean("pci_power_mgmt") ?? false;
        bool permissive = reader.Boolean("pci_permissive") ?? false;
        bool seize = reader.Boolean("pci_seize") ?? false;

        // Only HVM has the field; for the others libxl reads zeroed memory there, which is the strict policy.
        RdmPolicy policy = domain.Type == DomainType.Hvm ? RdmPolicy.Invalid : RdmPolicy.Strict;
        if (reader.TryString("rdm", out string rdm))
            JudgeRdm(rdm, reader);

        foreach (string text in reader.Atoms("pci"))
        {
            var pci = new PciSpecification
            {
                MsiTranslate = msiTranslate,
                PowerManagement = powerManagement,
                Permissive = permissive,
                Seize = seize,
                RdmPolicy = policy,
            };
            if (!PciSpecificationParser.TryParse(text, pci, out string problem))
                return reader.Refuse($"{problem}unable to parse PCI_SPEC_STRING `{text}' for passthrough", InvalidArgument);
            domain.PciDevices.Add(pci);
        }

        if (domain.PciDevices.Count > 0 && domain.Type == DomainType.Pv)
            domain.HostE820 = true;
        domain.DeviceTreeDevices.AddRange(reader.Atoms("dtdev"));

        if (reader.TryString("passthrough", out string passthrough))
        {
            if (LibxlNames.Match(LibxlNames.Passthrough, passthrough) is not { } mode)
                return reader.Refuse($"ERROR: unknown passthrough option '{passthrough}'");
            domain.Passthrough = mode == "default" ? null : mode;
        }

        return true;
    }

    /// <summary>
    /// <c>strategy=host,policy=strict|relaxed</c>. What is malformed is reported where it is named; what is not has no effect in xl 4.17 either.
    /// A key ends at the equals sign, whatever stands before it.
    /// </summary>
    private static void JudgeRdm(string text, ConfigReader reader)
    {
        for (int at = 0, end; at < text.Length && text.IndexOf('=', at) is >= 0 and int equals; at = end + 1)
        {
            end = text.IndexOf(',', equals) is >= 0 and int comma ? comma : text.Length;
            string key = text[at..equals], value = text[(equals + 1)..end];
            if ((key == "strategy" && value == "host") || (key == "policy" && value is "strict" or "relaxed"))
                continue;
            reader.Warn(key switch
            {
                "strategy" => $"Unknown RDM strategy option: {value}",
                "policy" => $"Unknown RDM policy: {value}",
                _ => $"Unknown RDM state option: {key}",
            });
            return;
        }
    }
}
