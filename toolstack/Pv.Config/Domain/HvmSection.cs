using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>The platform keys of fully virtualised domains.</summary>
internal static class HvmSection
{
    private const int Failed = 3;
    private const ulong MmioBelow4GLength = 0x1000_0000;
    private const ulong MmioBelow4GStart = 0xf000_0000;
    private const ulong LocalMachineCheck = 1;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        HvmConfiguration hvm = domain.Hvm!;
        if (domain.Kernel is { } kernel && kernel[(kernel.LastIndexOf('/') + 1)..] == "hvmloader")
        {
            reader.Warn("WARNING: you seem to be using \"kernel\" directive to override HVM guest firmware. Ignore that. "
                + "Use \"firmware_override\" instead if you really want a non-default firmware");
            domain.Kernel = null;
        }

        hvm.Firmware = reader.String("firmware_override");
        hvm.SystemFirmware = reader.String("bios_path_override");
        if (reader.TryString("bios", out string bios))
        {
            if (LibxlNames.Match(LibxlNames.Bios, bios) is not { } known)
                return reader.Refuse($"ERROR: invalid value \"{bios}\" for \"bios\"");
            hvm.Bios = known;
        }
        else if (hvm.SystemFirmware is not null)
        {
            reader.Warn("WARNING: bios_path_override given without specific bios name");
        }

        hvm.Pae = reader.Boolean("pae");
        hvm.AcpiS3 = reader.Boolean("acpi_s3");
        hvm.AcpiS4 = reader.Boolean("acpi_s4");
        hvm.AcpiLaptopSlate = reader.Boolean("acpi_laptop_slate");
        hvm.Nx = reader.Boolean("nx");
        hvm.Hpet = reader.Boolean("hpet");
        hvm.VptAlign = reader.Boolean("vpt_align");
        domain.Apic = reader.Boolean("apic");
        hvm.Pirq = reader.Boolean("hvm_pirq");
        if (!ReadViridian(reader, hvm))
            return false;

        if (reader.TryNumber("mmio_hole", out long hole))
        {
            hvm.MmioHoleKiB = unchecked((ulong)hole * 1024);
            ulong size = unchecked(hvm.MmioHoleKiB.Value * 1024);
            if (size is < MmioBelow4GLength or > MmioBelow4GStart)
                return reader.Refuse($"ERROR: invalid value {hole} for \"mmio_hole\"");
        }

        hvm.AlternateP2m = reader.Boolean("altp2mhvm");
        if (hvm.AlternateP2m is not null)
            reader.Warn("WARNING: Specifying \"altp2mhvm\" is deprecated. Please use \"altp2m\" instead.");
        hvm.SmbiosFirmware = reader.String("smbios_firmware");
        hvm.AcpiFirmware = reader.String("acpi_firmware");
        return ReadSmbios(reader, hvm) && ReadGenerationId(reader, hvm) && ReadMemoryMap(reader, hvm) && ReadFirmware(reader, hvm);
    }

    private static bool ReadViridian(ConfigReader reader, HvmConfiguration hvm)
    {
        if (reader.List("viridian", out ConfigList list, quiet: true) != Lookup.Found)
        {
            hvm.Viridian = reader.Boolean("viridian", quiet: true);
            return true;
        }

        foreach (string item in list.LeadingAtoms)
        {
            if (item == "all")
            {
                hvm.ViridianEnable = uint.MaxValue;
                continue;
            }

            if (item == "defaults")
            {
                hvm.Viridian = true;
                continue;
            }

            bool disable = item is ['!', ..];
            string name = disable ? item[1..] : item;
            int index = LibxlNames.IndexOf(LibxlNames.Viridian, name);
            if (index < 0)
                return reader.Refuse($"xl: unknown viridian enlightenment '{name}'", Failed);
            uint bit = 1u << index;
            hvm.ViridianEnable = disable ? hvm.ViridianEnable & ~bit : hvm.ViridianEnable | bit;
            hvm.ViridianDisable = disable ? hvm.ViridianDisable | bit : hvm.ViridianDisable & ~bit;
        }

        return true;
    }

    private static bool ReadSmbios(ConfigReader reader, HvmConfiguration hvm)
    {
        foreach (string item in reader.Atoms("smbios"))
        {
            int equals = item.IndexOf('=');
            if (equals < 0)
                return reader.Refuse($"xl: invalid smbios configuration: {item}", Failed);
            string key = item[..equals].ToLowerInvariant();
            if (key is not ("bios_vendor" or "bios_version" or "system_manufacturer" or "system_product_name" or "system_version"
                or "system_serial_number" or "baseboard_manufacturer" or "baseboard_product_name" or "baseboard_version"
                or "baseboard_serial_number" or "baseboard_asset_tag" or "baseboard_location_in_chassis"
                or "enclosure_manufacturer" or "enclosure_serial_number" or "enclosure_asset_tag" or "battery_manufacturer"
                or "battery_device_name" or "oem"))
            {
                return reader.Refuse($"xl: unknown smbios type '{item[..equals]}'", Failed);
            }

            hvm.Smbios.Add(new(key, item[(equals + 1)..]));
        }

        return true;
    }

    private static bool ReadGenerationId(ConfigReader reader, HvmConfiguration hvm)
    {
        if (reader.TryString("ms_vm_genid", out string text))
        {
            if (text is not ("generate" or "none"))
                return reader.Refuse("ERROR: \"ms_vm_genid\" option must be \"generate\" or \"none\"");
            hvm.GenerationId = text == "generate" ? Guid.NewGuid() : null;
        }

        return true;
    }

    private static bool ReadMemoryMap(ConfigReader reader, HvmConfiguration hvm)
    {
        hvm.RdmBoundaryKiB = reader.MebibytesAsKiB("rdm_mem_boundary");
        switch (reader.List("mca_caps", out ConfigList capabilities, quiet: true))
        {
            case Lookup.Invalid:
                return reader.Refuse("ERROR: unable to parse mca_caps.", Failed);
            case Lookup.Found:
                foreach (string capability in capabilities.LeadingAtoms)
                {
                    if (capability != "lmce")
                        return reader.Refuse($"ERROR: unrecognized MCA capability '{capability}'.", Failed);
                    hvm.McaCapabilities |= LocalMachineCheck;
                }

                break;
        }

        return true;
    }

    /// <summary><c>firmware</c> names a BIOS, or <c>uefi</c> or <c>bios</c>, or is a path.</summary>
    private static bool ReadFirmware(ConfigReader reader, HvmConfiguration hvm)
    {
        if (!reader.TryString("firmware", out string text))
            return true;
        if (LibxlNames.Match(LibxlNames.Bios, text) is { } bios)
            hvm.Bios = bios;
        else if ("uefi".StartsWith(text, StringComparison.Ordinal))
            hvm.Bios = "ovmf";
        else if (!"bios".StartsWith(text, StringComparison.Ordinal))
            hvm.Firmware = text;
        return true;
    }
}
