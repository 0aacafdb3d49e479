using Pv.Config.Devices;
using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>
/// What xl accepts without a word and no one can mean: misspelt keys, values of the wrong kind, numbers out of range.
/// Each finding names file, line and key. <see cref="DomainConfigurationParser"/> stays as lenient as xl is.
/// </summary>
public static class StrictCheck
{
    private const int MaxWeight = 65535;

    /// <summary>Checks the statements of a file and, if it was accepted, the configuration they gave.</summary>
    public static IReadOnlyList<string> Check(ConfigSettings settings, DomainConfiguration? domain)
    {
        var findings = new List<(int Line, string Text)>();
        foreach (ConfigSetting setting in settings.All)
        {
            if (KindProblem(setting) is { } problem)
                Find(setting.Name, problem);
        }

        if (domain is not null)
            CheckDomain(domain, Find);
        findings.Sort(static (a, b) => a.Line.CompareTo(b.Line));
        return [.. findings.Select(static finding => finding.Text)];

        void Find(string key, string problem)
        {
            int line = settings.Find(key)?.Line ?? 0;
            findings.Add((line, $"{settings.Source}:{line}: {key}: {problem}"));
        }
    }

    private static string? KindProblem(ConfigSetting setting)
    {
        KeyKind kind = ConfigKeys.KindOf(setting.Name);
        bool isList = setting.Value is ConfigList;
        string text = setting.Value is ConfigAtom atom ? atom.Text : "";
        bool isNumber = !isList && text.Length > 0
            && CNumber.ParseSigned(text, 0, out int used, out bool outOfRange) is var _ && used == text.Length && !outOfRange;
        return kind switch
        {
            KeyKind.Unknown => "unknown key",
            KeyKind.List when !isList => "must be a list",
            KeyKind.Text or KeyKind.Number or KeyKind.Switch or KeyKind.NumberOrText when isList => "must be a single value",
            KeyKind.Number when !isNumber => $"must be a number, not \"{text}\"",
            KeyKind.Switch when text is not ("0" or "1") => $"must be 0 or 1, not \"{text}\"",
            KeyKind.ListOrSwitch when !isList && text is not ("0" or "1") => $"must be a list, 0 or 1, not \"{text}\"",
            _ => null,
        };
    }

    private static void CheckDomain(DomainConfiguration domain, Action<string, string> find)
    {
        if (domain.Name.Length == 0 || domain.Name.Contains('/') || domain.Name.Any(char.IsControl))
            find("name", "must not be empty nor hold a slash or a control character");
        if (domain.OnlineVcpus < 1)
            find("vcpus", "must be at least 1");
        if (domain.Scheduler.Weight is < 1 or > MaxWeight)
            find("cpu_weight", $"must be 1 to {MaxWeight}");
        if (domain.Scheduler.Cap < 0)
            find("cap", "must not be negative");
        if (domain.TargetMemoryKiB > domain.MaxMemoryKiB)
            find("memory", "must not be more than maxmem");
        if (domain.TargetMemoryKiB == 0)
            find("memory", "must not be 0");

        var devices = new HashSet<int>();
        foreach (DiskSpecification disk in domain.Disks)
        {
            if (!VirtualDiskNumber.TryParse(disk.VirtualDevice, out VirtualDiskNumber number))
                find("disk", $"no virtual device is called \"{disk.VirtualDevice}\"");
            else if (!devices.Add(number.Number))
                find("disk", $"\"{disk.VirtualDevice}\" is given twice");
        }

        var macs = new HashSet<string>();
        foreach (NicSpecification nic in domain.Nics)
        {
            if (nic.HasMac && !macs.Add(nic.MacText))
                find("vif", $"the address {nic.MacText} is given twice");
            if ((nic.Mac[0] & 1) != 0)
                find("vif", $"the address {nic.MacText} is a multicast address");
        }
    }
}
