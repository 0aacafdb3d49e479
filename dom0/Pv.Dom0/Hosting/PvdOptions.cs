using System.Globalization;
using Pv.Abi;
using Pv.Toolstack.Processors;

namespace Pv.Dom0.Hosting;

/// <summary>What <c>pvd</c> was told to be.</summary>
public sealed record PvdOptions
{
    /// <summary>Machine memory unless told otherwise: half of what this host has, between 1 GiB and 64 GiB. It costs nothing until it is touched.</summary>
    private const ulong LeastMemory = 1ul << 30, MostMemory = 64ul << 30;

    /// <summary>Bytes of machine memory.</summary>
    public ulong Memory { get; init; } = DefaultMemory;

    /// <summary>Threads that run guests.</summary>
    public int Cpus { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether the software engine may translate hot code where the host can.</summary>
    public bool Translate { get; init; } = true;

    /// <summary>What schedules the domains of Pool-0.</summary>
    public SchedulerId Scheduler { get; init; } = SchedulerId.Credit2;

    /// <summary>The run directory, or null for the usual one.</summary>
    public string? RunDirectory { get; init; }

    /// <summary>The log goes to the terminal, too.</summary>
    public bool Foreground { get; init; }

    /// <summary>An <c>xl</c> that waits for the word <c>ready</c> has started this process.</summary>
    public bool StartedByXl { get; init; }

    /// <summary>Leave after so long without domains; null stays for ever.</summary>
    public TimeSpan? IdleExit { get; init; }

    public static ulong DefaultMemory
        => Math.Clamp((ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2, LeastMemory, MostMemory) & ~((2ul << 20) - 1);

    public const string Help = """
        Usage: pvd [options]
               pvd xenstored --socket PATH [--guest DOMID=PATH]...

        The daemon of Pv: one process that is a host with all its domains.

        --memory=SIZE      machine memory: a number of MiB, or with k, m, g or t (default: half of this host's)
        --cpus=N           threads that run guests (default: one a processor)
        --sched=NAME       what schedules them: credit2 (the default), credit, rtds or null
        --translate=on|off whether guests' hot code is translated to this host's own (default: on)
        --run-dir=PATH     where the sockets, the log and the domains' files are
                           (default: $PV_RUN_DIR, $XDG_RUNTIME_DIR/pv, or pv-<uid> in the temporary directory)
        --foreground       log to the terminal, too
        --idle-exit=SECS   leave after so many seconds without domains (default: never)
        --help             print this; pvd xenstored --help, of the store alone

        SIGTERM or SIGINT ends it, with its domains in order.
        """;

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It makes no sense; the message says what.</exception>
    public static PvdOptions Parse(IReadOnlyList<string> words)
    {
        var options = new PvdOptions();
        for (var i = 0; i < words.Count; i++)
        {
            var (name, value) = Split(words, ref i);
            options = name switch
            {
                "--memory" => options with { Memory = Size(value) },
                "--cpus" => options with { Cpus = (int)Number(name, value, 1, 1024) },
                "--sched" => options with { Scheduler = SchedulerNamed(value) },
                "--translate" => options with { Translate = Switch(name, value) },
                "--run-dir" => options with { RunDirectory = value },
                "--idle-exit" => options with { IdleExit = TimeSpan.FromSeconds(Number(name, value, 0, int.MaxValue)) },
                "--foreground" => options with { Foreground = true },
                "--started-by-xl" => options with { StartedByXl = true, IdleExit = options.IdleExit ?? TimeSpan.FromMinutes(5) },
                _ => throw new FormatException($"pvd does not know the option {name}; --help lists those that it knows."),
            };
        }
        return options;
    }

    private static (string Name, string Value) Split(IReadOnlyList<string> words, ref int i)
    {
        var word = words[i];
        var equals = word.IndexOf('=');
        if (equals > 0)
            return (word[..equals], word[(equals + 1)..]);
        if (word is not ("--memory" or "--cpus" or "--run-dir" or "--idle-exit" or "--sched" or "--translate"))
            return (word, "");
        return ++i < words.Count ? (word, words[i]) : throw new FormatException($"{word} needs a value.");
    }

    private static ulong Size(string text)
    {
        var shift = text.Length > 0 ? char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, 't' => 40, _ => 0 } : 0;
        var digits = shift == 0 ? text : text[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0 || number > 1ul << 22)
            throw new FormatException($"'{text}' is no size of memory: write 4096 for MiB, or 4g.");
        var bytes = number << (shift == 0 ? 20 : shift);
        return bytes is >= 16 << 20 and <= 1ul << 44 ? bytes : throw new FormatException($"Machine memory of {text} is out of range: 16 MiB to 16 TiB.");
    }

    private static long Number(string name, string text, long least, long most)
        => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{name} takes a number from {least} to {most}, not '{text}'.");

    private static SchedulerId SchedulerNamed(string name)
        => SchedulerNames.Find(name) is { } id and not SchedulerId.Arinc653 ? id : throw new FormatException($"There is no scheduler '{name}': credit2, credit, rtds and null.");

    private static bool Switch(string name, string text) => text switch
    {
        "on" => true,
        "off" => false,
        _ => throw new FormatException($"{name} is on or off, not '{text}'."),
    };
}
