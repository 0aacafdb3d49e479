using System.Text;

namespace Pv.Config.Grammar;

/// <summary>A value of a configuration file: an atom (string or number, both kept as text) or a list of values.</summary>
public abstract class ConfigValue
{
    private protected ConfigValue(ConfigPosition at) => Position = at;

    /// <summary>Where the value begins.</summary>
    public ConfigPosition Position { get; }

    /// <summary>The line, from 1, where the value begins.</summary>
    public int Line => Position.Line;
}

/// <summary>A string or a number. xl keeps no difference: <c>"32"</c> is a number to whoever asks for one.</summary>
public sealed class ConfigAtom(string text, ConfigPosition at) : ConfigValue(at)
{
    private string? _text = text;
    private StringBuilder? _builder;

    public string Text => _text ??= _builder!.ToString();

    /// <summary>Appends in amortised constant time, so that a file of many <c>+=</c> lines costs no more than its length.</summary>
    internal void Append(string more)
    {
        _builder ??= new StringBuilder(_text);
        _builder.Append(more);
        _text = null;
    }
}

/// <summary>A list. Its items may be atoms and lists in any mixture.</summary>
public sealed class ConfigList(ConfigPosition at) : ConfigValue(at)
{
    private readonly List<ConfigValue> _items = [];

    public IReadOnlyList<ConfigValue> Items => _items;

    /// <summary>
    /// The atoms up to the first item that is a list: xl walks a list with a call that answers "no more" there,
    /// so whatever stands behind a nested list is not seen by the keys that take atoms.
    /// </summary>
    public IEnumerable<string> LeadingAtoms => LeadingItems.Select(static atom => atom.Text);

    /// <summary>The same, with their places.</summary>
    public IEnumerable<ConfigAtom> LeadingItems
    {
        get
        {
            foreach (ConfigValue item in _items)
            {
                if (item is not ConfigAtom atom)
                    yield break;
                yield return atom;
            }
        }
    }

    internal void Add(ConfigValue item) => _items.Add(item);

    internal void Append(ConfigList more) => _items.AddRange(more._items);
}
