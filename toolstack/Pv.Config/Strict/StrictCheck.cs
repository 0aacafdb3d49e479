using Pv.Config.Domain;
using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>
/// What xl accepts without a word and no one can mean: misspelt keys, values of the wrong kind, numbers out of range, contradictions.
/// <see cref="DomainConfigurationParser"/> stays as lenient as xl is.
/// </summary>
public static class StrictCheck
{
    /// <summary>Checks the statements of a file and, if it was accepted, the configuration they gave.</summary>
    public static IReadOnlyList<ConfigFinding> Check(ConfigSettings settings, DomainConfiguration? domain)
    {
        var findings = new FindingList(settings.Source);
        Check(settings, domain, findings);
        return findings.InOrder();
    }

    internal static void Check(ConfigSettings settings, DomainConfiguration? domain, FindingList findings)
    {
        foreach (ConfigSetting setting in settings.All)
            CheckKind(setting, findings);
        foreach (ConfigSetting replaced in settings.Replaced)
        {
            findings.Warn(replaced.Position, replaced.Name, $"is given again in line {settings.Find(replaced.Name)!.Position.Line}, and this value counts for nothing",
                "keep one of them, or add with +=");
        }

        if (domain is null)
            return;
        DomainRules.Check(settings, domain, findings);
        DeviceRules.Check(settings, domain, findings);
    }

    private static void CheckKind(ConfigSetting setting, FindingList findings)
    {
        string name = setting.Name;
        KeyKind kind = ConfigKeys.KindOf(name);
        bool isList = setting.Value is ConfigList;
        string text = setting.Value is ConfigAtom atom ? atom.Text : "";
        ConfigPosition at = setting.Value.Position;
        switch (kind)
        {
            case KeyKind.Unknown:
                findings.Error(setting.Position, name, "unknown key", NearestWord.Find(name, ConfigKeys.All) is { } nearest ? $"did you mean {nearest}?" : "xl takes no notice of it: remove it");
                break;
            case KeyKind.List when !isList:
                findings.Error(at, name, "must be a list", $"write {name} = [ \"{text}\" ]");
                break;
            case KeyKind.Text or KeyKind.Number or KeyKind.Switch or KeyKind.NumberOrText when isList:
                findings.Error(at, name, "must be a single value, not a list", "take the brackets away");
                break;
            case KeyKind.Number when !IsNumber(text):
                findings.Error(at, name, $"must be a number, not \"{text}\"", name is "memory" or "maxmem" ? "it is an amount in MiB, without a unit" : "");
                break;
            case KeyKind.Number when setting.IsAddition:
                findings.Error(at, name, "numbers cannot be added with +=", "write =");
                break;
            case KeyKind.Switch when text is not ("0" or "1"):
                findings.Error(at, name, $"must be 0 or 1, not \"{text}\"");
                break;
            case KeyKind.ListOrSwitch when !isList && text is not ("0" or "1"):
                findings.Error(at, name, $"must be a list, 0 or 1, not \"{text}\"");
                break;
        }
    }

    internal static bool IsNumber(string text) =>
        text.Length > 0 && CNumber.ParseSigned(text, 0, out int used, out bool outOfRange) is var _ && used == text.Length && !outOfRange;
}
