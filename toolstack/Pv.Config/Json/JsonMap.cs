using Newtonsoft.Json.Linq;

namespace Pv.Config.Json;

/// <summary>
/// An object of libxl's JSON. A member is written only if it differs from its default; a three-valued switch is
/// written as the text <c>"True"</c> or <c>"False"</c>, a plain one as <c>true</c>.
/// </summary>
internal sealed class JsonMap
{
    internal JObject Object { get; } = [];

    internal JsonMap Text(string name, string? value)
    {
        if (value is not null)
            Object[name] = value;
        return this;
    }

    internal JsonMap Switch(string name, bool? value)
    {
        if (value is { } set)
            Object[name] = set ? "True" : "False";
        return this;
    }

    internal JsonMap Flag(string name, bool value)
    {
        if (value)
            Object[name] = true;
        return this;
    }

    /// <summary>A number whose default is 0.</summary>
    internal JsonMap Number(string name, long value)
    {
        if (value != 0)
            Object[name] = value;
        return this;
    }

    /// <summary>A number whose default is none of its values.</summary>
    internal JsonMap Optional(string name, long? value)
    {
        if (value is { } set)
            Object[name] = set;
        return this;
    }

    internal JsonMap Unsigned(string name, ulong? value)
    {
        if (value is { } set)
            Object[name] = new JValue(set);
        return this;
    }

    internal JsonMap Texts(string name, IReadOnlyList<string> values)
    {
        if (values.Count > 0)
            Object[name] = new JArray(values);
        return this;
    }

    internal JsonMap Map(string name, JsonMap map)
    {
        Object[name] = map.Object;
        return this;
    }

    /// <summary>A list, left out if empty.</summary>
    internal JsonMap List<T>(string name, IReadOnlyList<T> items, Func<T, JToken> convert)
    {
        if (items.Count == 0)
            return this;
        var array = new JArray();
        foreach (T item in items)
            array.Add(convert(item));
        Object[name] = array;
        return this;
    }
}
