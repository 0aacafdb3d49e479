using Pv.Config.Grammar;

namespace Pv.Config.Domain;

/// <summary>What the domain boots: kernel, ramdisk, command line, boot loader, firmware.</summary>
internal static class BootSection
{
    private const string FirmwareDirectory = "/usr/lib/xen-4.17/boot";
    private const int Failed = 3;

    internal static bool Read(ConfigReader reader, DomainConfiguration domain)
    {
        domain.Kernel = reader.String("kernel");
        domain.Ramdisk = reader.String("ramdisk");
        domain.DeviceTree = reader.String("device_tree");
        domain.CommandLine = CommandLine(reader);
        domain.DriverDomain = reader.Boolean("driver_domain");
        domain.Acpi = reader.Boolean("acpi");
        domain.Bootloader = reader.String("bootloader");
        domain.BootloaderArguments = BootloaderArguments(reader);
        domain.BootloaderRestrict = reader.Boolean("bootloader_restrict");
        domain.BootloaderUser = reader.String("bootloader_user");
        if (!ReadTimerMode(reader, domain))
            return false;
        domain.NestedHvm = reader.Boolean("nestedhvm");

        if (domain.Hvm is not null)
            return HvmSection.Read(reader, domain);

        if (reader.TryString("firmware", out string firmware))
        {
            if (domain.Kernel is not null)
                return reader.Refuse("ERROR: both kernel and firmware specified");
            if (!"pvgrub32".StartsWith(firmware, StringComparison.Ordinal) && !"pvgrub64".StartsWith(firmware, StringComparison.Ordinal))
                return reader.Refuse("ERROR: only pvgrub{32|64} supported as firmware options");
            domain.Kernel = $"{FirmwareDirectory}/{firmware}.bin";
        }

        return domain.Bootloader is not null || domain.Kernel is not null || reader.Refuse("Neither kernel nor bootloader specified");
    }

    private static string? CommandLine(ConfigReader reader)
    {
        string? cmdline = reader.String("cmdline");
        string? root = reader.String("root");
        string? extra = reader.String("extra");
        if (cmdline is not null)
        {
            if (root is not null || extra is not null)
                reader.Warn("Warning: ignoring root= and extra= in favour of cmdline=");
            return cmdline;
        }

        return (root, extra) switch
        {
            (null, _) => extra,
            (_, null) => $"root={root}",
            _ => $"root={root} {extra}",
        };
    }

    private static IReadOnlyList<string> BootloaderArguments(ConfigReader reader)
    {
        if (reader.List("bootloader_args", out ConfigList list, quiet: true) == Lookup.Found)
            return [.. list.LeadingAtoms];
        if (!reader.TryString("bootloader_args", out string text))
            return [];
        reader.Warn("WARNING: Specifying \"bootloader_args\" as a string is deprecated. Please use a list of arguments.");
        return text.Split([' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static bool ReadTimerMode(ConfigReader reader, DomainConfiguration domain)
    {
        const string Unsupported = "ERROR: \"timer_mode\" option is not supported for PV guests.";
        if (reader.TryNumber("timer_mode", out long number, quiet: true))
        {
            if (domain.Type == DomainType.Pv)
                return reader.Refuse(Unsupported, Failed);
            string? name = number >= 0 && number < LibxlNames.TimerMode.Length ? LibxlNames.TimerMode[(int)number] : number == -1 ? "unknown" : null;
            reader.Warn("WARNING: specifying \"timer_mode\" as an integer is deprecated. Please use the named parameter variant. "
                + (name is null ? "" : $"e.g. timer_mode=\"{name}\""));
            if (name is null or "unknown")
                return reader.Refuse($"ERROR: invalid value {number} for \"timer_mode\"");
            domain.TimerMode = name;
        }
        else if (reader.TryString("timer_mode", out string text))
        {
            if (domain.Type == DomainType.Pv)
                return reader.Refuse(Unsupported, Failed);
            domain.TimerMode = LibxlNames.Match(LibxlNames.TimerMode, text);
            if (domain.TimerMode is null)
                return reader.Refuse($"ERROR: invalid value \"{text}\" for \"timer_mode\"");
        }

        return true;
    }
}
