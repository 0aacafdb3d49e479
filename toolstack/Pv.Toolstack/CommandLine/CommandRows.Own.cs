namespace Pv.Toolstack.CommandLine;

/// <content>Words that Xen's xl does not have.</content>
public static partial class CommandRows
{
    private static CommandRow[] OwnWords() =>
    [
        new("run", "[options] <ConfigFile> [key=value ...]", "Create a domain, show its console, and end with it: the exit code tells why", 0, Built | Changes | Own)
        {
            Options =
            [
                new('f', "defconfig", "FILE", "Take the configuration from FILE"),
                new('t', "timeout", "TIME", "Destroy the domain after so long: seconds, or a number with ms, s, m or h"),
                new('x', "expect", "TEXT", "Wait for the console to show TEXT; if this is the last step, the run has succeeded then"),
                new('s', "send", "TEXT", "Type TEXT and Enter; \\r \\n \\t \\e \\\\ \\xHH are bytes, \\c at the end is no Enter"),
                new('l', "log", "FILE", "Write the console to FILE, too"),
                new('i', "interactive", null, "Type to the guest; Ctrl-] ends the run"),
                new('q', "quiet", null, "Show neither the console nor what became of the domain"),
                new('j', "json", null, "Print one object that tells how it ended, and not the console"),
            ],
            Notes = """
                --expect and --send may be repeated; they are done one after another, in their order.
                Reboots are followed as the configuration says; any other end is the end, whatever it says.
                However the run ends, the domain is gone then.

                Exit codes:
                  0    all that was expected was shown; or, if the last step is no --expect, the guest powered off
                  10   the guest crashed                    11   its watchdog ended it
                  12   it rebooted, and nothing followed    13   somebody destroyed it
                  14   it ended in another way              20   it ended before it showed what was expected
                  124  the time ran out                     130  interrupted
                  Others are those of xl create: 1 to 6, the domain could not be created; 2, wrong use.
                """,
        },
        new("validate", "[options] <ConfigFile>...", "Check configuration files strictly, without a host", 1, Built | Own | Local)
        {
            Options =
            [
                new('j', "json", null, "Print one object of JSON: the counts and every finding"),
                new('q', "quiet", null, "No count at the end"),
                new('W', "warnings", null, "A warning is as bad as an error"),
            ],
            Notes = """
                A line a finding: FILE:LINE:COLUMN: error or warning: KEY: what is wrong; what to do.
                Exit codes: 0, no errors; 1, errors (with -W, or warnings); 2, wrong use.
                """,
        },
        new("completion", "<bash|zsh|fish>", "Print a script that completes xl's words in a shell", 1, Built | Own | Local),
        new("man", "", "Print the manual page (xl man | man -l -)", 0, Built | Own | Local),
        new("wait", "[options] <Domain> <State>", "Return when a domain has come to a state", 2, Built | Own)
        {
            Options =
            [
                new('t', "timeout", "TIME", "At most so long: seconds, or a number with ms, s, m or h"),
                new('j', "json", null, "Print one object that tells what came"),
            ],
            Notes = """
                States: exists, running, paused; shutdown (for any reason, or gone), destroyed (gone, even if a restart follows);
                and the reasons poweroff, reboot, suspend, crash, watchdog.
                exists, running and paused are waited for even before there is a domain of that name.

                Exit codes: 0, it has come; 1, it cannot come any more; 2, wrong use; 124, the time ran out; 130, interrupted.
                """,
        },
        new("logs", "[options] <Domain>", "Print what a domain's console has said, even if it has just ended", 1, Built | Own)
        {
            Options = [new('f', "follow", null, "Go on with what it says, across restarts, until interrupted or the domain is gone")],
        },
        new("lab", "[options] <batching|latency|replay> [File]", "Measure what hypercalls cost, and what batching saves", 1, Built | Own | Local)
        {
            Options =
            [
                new('q', "quick", null, "A look, in seconds"),
                new('s', "seed", "NUMBER", "Of the order in which things are measured (1)"),
                new('r', "rounds", "NUMBER", "Measure each thing so often in each process"),
                new('p', "processes", "NUMBER", "Measure in so many processes, one after another (5; with --quick 1)"),
                new('e', "engine", "NAME", "Only on this engine; may be repeated"),
                new('c', "call", "NAME", "Only this call; may be repeated"),
                new('t', "table", null, "Print every measurement, too"),
                new('v', "csv", null, "Print every measurement as CSV instead"),
                new('j', "json", null, "Print JSON instead, with the time of each round"),
                new('o', "output", "FILE", "Write that JSON to FILE, too"),
                new('g', "svg", "FILE", "Write the chart to FILE, too"),
                new('1', "compare", "FILE", "Say what has changed since the run that wrote this JSON"),
                new('2', "costs", null, "replay: measure what calls cost here, and say what time would be saved"),
            ],
            Notes = """
                batching  what calls cost alone, in multicalls and as lists, by size of the batch, on every engine of this machine
                latency   event channels, timers, grants mapped against grants copied, a ring's round trip
                replay    what batching would have saved a real guest: File is a trace, as xl trace DOMAIN show --json prints it

                Guests are fresh ones on machines of their own, in a process of its own; running domains share the processors with it and nothing else.

                Exit codes: 0; 1, it could not be measured; 2, wrong use; 5, with --compare something is slower; 130, interrupted.
                """,
        },
        new("metrics", "[options]", "Print what is measured, as Prometheus reads it", 0, Built | Own)
        {
            Options =
            [
                new('l', "listen", "PORT", "Serve it at http://127.0.0.1:PORT/metrics until interrupted; 0 chooses a port"),
                new('j', "json", null, "Print JSON instead"),
            ],
        },
        new("seeds", "[options] <ConfigFile>...", "Run guests in deterministic mode under many seeds, in search of one that goes wrong", 1, Built | Own)
        {
            Options =
            [
                new('n', "seeds", "A..B", "The seeds (1..100 if nothing is said)"),
                new('r', "replay", "SEED", "Run one seed, and show the consoles"),
                new('o', "trace", "FILE", "Write the hypercalls of the first seed that fails, or else of the first, to FILE"),
                new('t', "time", "TIME", "How much of the machine's own time a seed has: seconds, or a number with ms, s, m or h (10 s)"),
                new('x', "expect", "TEXT", "The first guest's console must show TEXT; if this is the last step, the seed is done then"),
                new('s', "send", "TEXT", "Type TEXT and Enter there; as for xl run"),
                new('j', "json", null, "Print one object that tells what was found"),
            ],
            Notes = """
                The guests run together on a machine of their own, beside this host's domains: no disks, no networks, time is what they do.
                The same seed and guests make the same hypercalls, byte for byte, on every day and host (docs/determinism.md).
                A seed fails when a guest crashes or does not show what is expected, when all wait for each other, when frames are lost.

                Exit codes: 0, no seed failed; 1, some did; 2, wrong use; 130, interrupted. Others are those of xl create.
                """,
        },
        new("events", "[options] [Domain]", "Print what happens to domains, as it happens", 0, Built | Own)
        {
            Options =
            [
                new('j', "json", null, "An object of JSON a line"),
                new('n', "count", "NUMBER", "End after so many, not counting what exists at the start"),
                new('t', "timeout", "TIME", "End after so long: seconds, or a number with ms, s, m or h"),
            ],
        },
    ];
}
