using System.Globalization;

namespace Pv.Tests.XenStore.Model;

/// <summary>A tool, or a domain while its ring is open.</summary>
internal sealed class ModelClient(string name)
{
    public string Name { get; } = name;

    public int Domain { get; } = int.Parse(name.AsSpan(1, 1), CultureInfo.InvariantCulture);

    public int Incarnation { get; init; } = 1;

    public List<ModelWatch> Watches { get; } = [];

    public Dictionary<uint, ModelView> Transactions { get; } = [];

    /// <summary>What each transaction changed, to be done again.</summary>
    public Dictionary<uint, List<Func<ModelView, string?>>> Requests { get; } = [];

    public uint LastTransaction { get; set; }
}

/// <summary>A watch. <paramref name="Number"/> is its place in the order of registration.</summary>
internal sealed record ModelWatch(string Path, string Token, bool IsRelative, int? Depth, int Number)
{
    public bool Covers(string path, bool exact)
    {
        if (path == Path)
            return true;
        if (exact || !(Path == "/" ? path.StartsWith('/') : path.StartsWith(Path + "/", StringComparison.Ordinal)))
            return false;
        var levels = path.Count(letter => letter == '/') - (Path == "/" ? 0 : Path.Count(letter => letter == '/'));
        return Depth is not { } most || levels <= most;
    }

    /// <summary>The event as a transcript has it, with the path as the client named it.</summary>
    public string EventOf(ModelClient client, string path)
    {
        var home = $"/local/domain/{client.Domain}/";
        return $"{(IsRelative ? path[home.Length..] : path)}\\0{Token}\\0";
    }
}
