using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Pv.Toolstack.CommandLine;

/// <summary><c>xl help --json</c>: the command table, for whoever makes something of it.</summary>
internal static class HelpJson
{
    public static string Of(IEnumerable<CommandRow> rows) => new JArray(rows.Select(Of)).ToString(Formatting.Indented) + "\n";

    private static JObject Of(CommandRow row) => new()
    {
        ["name"] = row.Name, ["arguments"] = row.Arguments, ["summary"] = row.Summary,
        ["kind"] = row.IsOwn ? "own" : row.IsAbsent ? "absent" : row.IsBuilt ? "xl" : "not built",
        ["dry_run"] = row.HasDryRun,
        ["options"] = new JArray(row.Options.Select(option => new JObject
        {
            ["letter"] = option.HasLetter ? $"{option.Letter}" : "", ["long"] = option.Long ?? "", ["argument"] = option.Argument ?? "", ["help"] = option.Help,
        })),
    };
}
