namespace Pv.Toolstack.CommandLine;

/// <summary>A subcommand as a user sees it: its words and what help says of them. What it does stands elsewhere, found by its name.</summary>
/// <param name="Name">As typed; any unambiguous beginning does, too.</param>
/// <param name="Arguments">What follows the name in the usage line.</param>
/// <param name="Summary">One sentence without a full stop.</param>
/// <param name="Least">How many words, options aside, it needs at least.</param>
/// <param name="Traits">What kind of command it is.</param>
public sealed record CommandRow(string Name, string Arguments, string Summary, int Least = 0, CommandTraits Traits = CommandTraits.None)
{
    public OptionRow[] Options { get; init; } = [];

    /// <summary>How many words that are no options may stand before them.</summary>
    public int LeadingWords { get; init; }

    /// <summary>What help says behind the options: whole lines, or null.</summary>
    public string? Notes { get; init; }

    /// <summary>Whether <c>xl</c> does it by itself.</summary>
    public bool IsLocal => (Traits & CommandTraits.Local) != 0;

    /// <summary>A word that Xen's xl does not have.</summary>
    public bool IsOwn => (Traits & CommandTraits.Own) != 0;

    /// <summary>Whether this version of Pv does it. What is not built answers so, and help says so.</summary>
    public bool IsBuilt => (Traits & CommandTraits.Built) != 0;

    /// <summary>Whether it is about something that Pv never has.</summary>
    public bool IsAbsent => (Traits & CommandTraits.Absent) != 0;

    /// <summary>Whether the global <c>-N</c> means something to it.</summary>
    public bool HasDryRun => (Traits & CommandTraits.DryRun) != 0;

    /// <summary>The option of this letter, or null.</summary>
    public OptionRow? Option(char letter) => Array.Find(Options, option => option.Letter == letter);

    /// <summary>The long option that <paramref name="name"/> names or begins without another beginning so; else null.</summary>
    public OptionRow? LongOption(string name)
    {
        if (name.Length == 0)
            return null;
        var begun = Array.FindAll(Options, option => option.Long?.StartsWith(name, StringComparison.Ordinal) == true);
        return begun.Length == 1 ? begun[0] : Array.Find(begun, option => option.Long == name);
    }
}

/// <summary>What kind of command it is.</summary>
[Flags]
public enum CommandTraits
{
    None = 0,

    /// <summary>This version of Pv does it.</summary>
    Built = 1,

    /// <summary>It can tell what it would do (<c>-N</c>).</summary>
    DryRun = 2,

    /// <summary>It changes something, so <c>-f</c> is among its options.</summary>
    Changes = 4,

    /// <summary>Xen's xl does not have it. Such a word makes no beginning ambiguous that scripts for the real one use.</summary>
    Own = 8,

    /// <summary><c>xl</c> does it by itself, without a <c>pvd</c>.</summary>
    Local = 16,

    /// <summary>It is about hardware, or a machine, that Pv never has; it says so.</summary>
    Absent = 32,
}

/// <summary>One option of a subcommand.</summary>
/// <param name="Letter">The short form, or <c>'\0'</c> for none. It names the option in <see cref="CommandWords"/>; a long option without one has a digit.</param>
/// <param name="Long">The long form without its dashes, or null.</param>
/// <param name="Argument">What help calls its argument, or null if it takes none.</param>
/// <param name="Help">One sentence without a full stop.</param>
public sealed record OptionRow(char Letter, string? Long, string? Argument, string Help)
{
    /// <summary>A long option without a letter has a digit in its place, which cannot be typed.</summary>
    public bool HasLetter => char.IsAsciiLetter(Letter);
}
