using System.Text;

namespace Pv.Config.Grammar;

/// <summary>A value of a configuration file: an atom (string or number, both kept as text) or a list of values.</summary>
public abstract class ConfigValue
{
    private protected ConfigValue(int line) => Line = line;

    /// <summary>The line, from 1, where the value begins.</summary>
    public int Line { get; }
}

/// <summary>A string or a number. xl keeps no difference: <c>"32"</c> is a number to whoever asks for one.</summary>
public sealed class ConfigAtom(string text, int line) : ConfigValue(line)
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
public sealed class ConfigList(int line) : ConfigValue(line)
{
    private readonly List<ConfigValue> _items = [];

    public IReadOnlyList<ConfigValue> Items => _items;

    /// <summary>
    /// The atoms up to the first item that is a list: xl walks a list with a call that answers "no more" there,
    /// so whatever stands behind a nested list is not seen by the keys that take atoms.
    /// </summary>
    public IEnumerable<string> LeadingAtoms
    {
        get
        {
            foreach (ConfigValue item in _items)
            {
                if (item is not ConfigAtom atom)
                    yield break;
                yield return atom.Text;
            }
        }
    }

    internal void Add(ConfigValue item) => _items.Add(item);

    internal void Append(ConfigList more) => _items.AddRange(more._items);
}
