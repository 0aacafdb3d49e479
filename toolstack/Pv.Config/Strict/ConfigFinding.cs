using Newtonsoft.Json.Linq;

namespace Pv.Config.Strict;

/// <summary>How bad it is.</summary>
public enum FindingSeverity
{
    /// <summary>It works, and not as one would think who reads it.</summary>
    Warning,

    /// <summary>No domain comes of it, or another than is written there.</summary>
    Error,
}

/// <summary>Something in a configuration file that nobody can mean.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Position">Where; zeroes for the file as a whole.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Key">The key that it is about, or an empty text.</param>
/// <param name="Problem">What is wrong, without a full stop.</param>
/// <param name="Advice">What to do, without a full stop; empty where the problem says it.</param>
public sealed record ConfigFinding(string File, ConfigPosition Position, FindingSeverity Severity, string Key, string Problem, string Advice)
{
    /// <summary>As compilers write it, so that editors find the place.</summary>
    public override string ToString()
    {
        string place = Position.Line == 0 ? File : $"{File}:{Position.Line}:{Position.Column}";
        string key = Key.Length == 0 ? "" : Key + ": ";
        return $"{place}: {Severity.ToString().ToLowerInvariant()}: {key}{Problem}{(Advice.Length == 0 ? "" : "; " + Advice)}";
    }

    public JObject ToJson() => new()
    {
        ["file"] = File, ["line"] = Position.Line, ["column"] = Position.Column, ["severity"] = Severity.ToString().ToLowerInvariant(),
        ["key"] = Key, ["problem"] = Problem, ["advice"] = Advice,
    };
}
