namespace Pv.Config.Grammar;

/// <summary>One key with its value, and where it was written.</summary>
/// <param name="Name">The key.</param>
/// <param name="Value">The value, after every <c>+=</c>.</param>
/// <param name="IsAddition">Whether the last statement was <c>+=</c>, which numbers do not allow.</param>
/// <param name="Line">The line of the last value.</param>
/// <param name="Position">Where the key stands in its last statement.</param>
public sealed record ConfigSetting(string Name, ConfigValue Value, bool IsAddition, int Line, ConfigPosition Position);

/// <summary>The statements of a configuration file. Of several statements for one key the last holds.</summary>
public sealed class ConfigSettings
{
    private readonly Dictionary<string, ConfigSetting> _settings = new(StringComparer.Ordinal);
    private readonly List<ConfigSetting> _replaced = [];

    internal ConfigSettings(string source) => Source = source;

    /// <summary>The name of the file as messages give it.</summary>
    public string Source { get; }

    public IReadOnlyCollection<ConfigSetting> All => _settings.Values;

    /// <summary>Statements whose values another statement for the same key replaced.</summary>
    public IReadOnlyList<ConfigSetting> Replaced => _replaced;

    public ConfigSetting? Find(string name) => _settings.GetValueOrDefault(name);

    internal void Assign(string name, ConfigPosition at, ConfigValue value)
    {
        if (_settings.TryGetValue(name, out ConfigSetting? earlier))
            _replaced.Add(earlier);
        _settings[name] = new ConfigSetting(name, value, false, value.Line, at);
    }

    /// <summary>Adds to what the key holds already, or sets it. False if one is a list and the other is not.</summary>
    internal bool TryAdd(string name, ConfigPosition at, ConfigValue value)
    {
        ConfigValue result = value;
        if (_settings.TryGetValue(name, out ConfigSetting? earlier))
        {
            switch (earlier.Value, value)
            {
                case (ConfigAtom atom, ConfigAtom more):
                    atom.Append(more.Text);
                    break;
                case (ConfigList list, ConfigList more):
                    list.Append(more);
                    break;
                default:
                    return false;
            }

            result = earlier.Value;
        }

        _settings[name] = new ConfigSetting(name, result, true, value.Line, at);
        return true;
    }
}
