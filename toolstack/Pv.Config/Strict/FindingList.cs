using Pv.Config.Grammar;

namespace Pv.Config.Strict;

/// <summary>Gathers what is found in one file.</summary>
internal sealed class FindingList(string file)
{
    private readonly List<ConfigFinding> _findings = [];

    public void Error(ConfigPosition at, string key, string problem, string advice = "") => Add(FindingSeverity.Error, at, key, problem, advice);

    public void Warn(ConfigPosition at, string key, string problem, string advice = "") => Add(FindingSeverity.Warning, at, key, problem, advice);

    /// <summary>By place; what is about the whole file comes first.</summary>
    public IReadOnlyList<ConfigFinding> InOrder() => [.. _findings.OrderBy(static one => one.Position.Line).ThenBy(static one => one.Position.Column)];

    private void Add(FindingSeverity severity, ConfigPosition at, string key, string problem, string advice)
        => _findings.Add(new ConfigFinding(file, at, severity, key, problem, advice));
}

internal static class SettingPlaces
{
    /// <summary>Where the value of a key stands; the whole file where there is none.</summary>
    public static ConfigPosition PlaceOf(this ConfigSettings settings, string key) => settings.Find(key)?.Value.Position ?? default;

    /// <summary>Where an item of a key's list stands.</summary>
    public static ConfigPosition PlaceOf(this ConfigSettings settings, string key, int item)
        => settings.Find(key)?.Value is ConfigList list && item < list.Items.Count ? list.Items[item].Position : settings.PlaceOf(key);
}
