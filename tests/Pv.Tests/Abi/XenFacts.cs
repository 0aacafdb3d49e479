using System.Text.Json;

namespace Pv.Tests.Abi;

/// <summary>A field of a C struct: bytes from the struct's start, size in bytes.</summary>
public sealed record XenField(string Name, int Offset, int Size, string Type);

/// <summary>A C struct or union.</summary>
public sealed record XenStruct(string Name, int Size, IReadOnlyList<XenField> Fields);

/// <summary>What a compiler measured of Xen's public headers: <c>tests/Data/abi</c>.</summary>
public sealed class XenFacts
{
    public static XenFacts Measured { get; } = new();

    private readonly Dictionary<string, long> _numbers = [];
    private readonly Dictionary<string, XenStruct> _structs = [];
    private readonly HashSet<string> _enums = [];

    private XenFacts()
    {
        using var constants = Open("constants.json");
        foreach (var constant in constants.RootElement.EnumerateObject())
            _numbers[constant.Name] = constant.Value.TryGetInt64(out var value) ? value : (long)constant.Value.GetUInt64();

        using var enums = Open("enums.json");
        foreach (var enumeration in enums.RootElement.EnumerateObject())
        {
            _enums.Add(enumeration.Name);
            foreach (var member in enumeration.Value.EnumerateObject())
                _numbers[member.Name] = member.Value.GetInt64();
        }

        using var structs = Open("structs.json");
        foreach (var entry in structs.RootElement.EnumerateObject())
        {
            var fields = entry.Value.GetProperty("fields").EnumerateArray()
                .Select(f => new XenField(Text(f, "name"), Number(f, "offset"), Number(f, "size"), Text(f, "type")))
                .Where(f => f.Name.Length > 0)
                .ToList();
            _structs[entry.Name] = new XenStruct(entry.Name, Number(entry.Value, "size"), fields);
        }
    }

    /// <summary>A macro's or enumeration member's value; null when the headers have none of that name.</summary>
    public long? NumberOf(string name) => _numbers.TryGetValue(name, out var value) ? value : null;

    /// <summary>Whether it is an enumeration, or (<c>EVTCHNOP_*</c>) the common start of some macros.</summary>
    public bool HasEnumeration(string origin) =>
        origin.EndsWith('*')
            ? _numbers.Keys.Any(n => n.StartsWith(origin[..^1], StringComparison.Ordinal))
            : _enums.Contains(origin);

    /// <summary>A struct or union by its C name; null when the headers have none.</summary>
    public XenStruct? StructOf(string name) => _structs.GetValueOrDefault(name);

    private static JsonDocument Open(string file) => JsonDocument.Parse(File.ReadAllBytes(Repository.Data("abi", file)));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";

    private static int Number(JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
