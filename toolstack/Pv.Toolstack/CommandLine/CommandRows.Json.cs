namespace Pv.Toolstack.CommandLine;

/// <content>The option <c>--json</c> of xl's commands that print something.</content>
public static partial class CommandRows
{
    /// <summary>What names the option in <see cref="CommandWords"/>.</summary>
    internal const char JsonLetter = '9';

    private static CommandRow AddJson(CommandRow row) => Json.Commands.Contains(row.Name) ? row with { Options = [.. row.Options, Json.Option] } : row;

    // A class of its own: it is there before the table is.
    private static class Json
    {
        /// <summary>It has no letter: letters are xl's.</summary>
        public static readonly OptionRow Option = new(JsonLetter, "json", null, "Print JSON instead");

        public static readonly HashSet<string> Commands =
        [
            "block-list", "channel-list", "claims", "cpupool-list", "create", "dmesg", "domid", "domname", "help", "info", "list", "reboot", "sched-credit", "sched-credit2", "sched-rtds",
            "sharing", "shutdown", "top", "trace", "uptime", "vcpu-list", "version", "vm-list", "xenstore-quota-get",
        ];
    }
}
