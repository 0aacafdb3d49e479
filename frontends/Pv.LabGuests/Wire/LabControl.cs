namespace Pv.LabGuests;

/// <summary>
/// The page by which the lab in Dom0 and a guest of it talk: byte offsets of words of eight bytes. The lab writes what is to be done, then
/// <see cref="Command"/>, and sends an event; the guest does it, writes <see cref="Done"/>, and sends one back.
/// </summary>
/// <remarks>The source is compiled into both ends, and into the assembler of the machine-code guest.</remarks>
public static class LabControl
{
    /// <summary>The number of the command; a new number is a new command.</summary>
    public const int Command = 0;

    /// <summary>The number of the command that was done last.</summary>
    public const int Done = 8;

    /// <summary>A <see cref="LabTask"/>. The machine-code guest knows <see cref="LabTask.Program"/> alone and does not look.</summary>
    public const int Task = 16;

    /// <summary>How often a program is repeated, or how many samples a task takes.</summary>
    public const int Rounds = 24;

    /// <summary>The address of a program: its steps, or the code that they were assembled to.</summary>
    public const int Program = 32;

    /// <summary>How many steps a program has.</summary>
    public const int StepCount = 40;

    /// <summary>System time, or the time-stamp counter of a machine-code guest, before the first step.</summary>
    public const int Started = 48;

    /// <summary>The same behind the last one.</summary>
    public const int Ended = 56;

    /// <summary>The guest's end of the event channel, there before either end looks.</summary>
    public const int Port = 64;

    /// <summary>1 while <see cref="LabTask.Echo"/> answers; the guest sends an event when it begins to.</summary>
    public const int Armed = 72;

    /// <summary>Where a task's samples go: words of eight bytes.</summary>
    public const int Samples = 80;

    /// <summary>What else a task takes, a word each.</summary>
    public const int FirstOperand = 88, SecondOperand = 96;
}

/// <summary>What a guest of the lab can be told to do.</summary>
public enum LabTask : ulong
{
    /// <summary>The steps of a program, over and over.</summary>
    Program,

    /// <summary>Bind to a port of another domain (first operand: domain, second: port).</summary>
    Bind,

    /// <summary>Offer a port to another domain (first operand); its number goes to the first sample.</summary>
    Offer,

    /// <summary>Send an event to the peer and wait for its answer. Three words a sample: when it was sent, when that call had returned, when the answer was seen.</summary>
    Ping,

    /// <summary>Answer the peer's events. A word a sample: when the event was seen. First operand: whether to stay on the pCPU meanwhile.</summary>
    Echo,

    /// <summary>Sleep for the times that stand in the samples' place; each is replaced by the lateness.</summary>
    Sleep,

    /// <summary>Offer a ring to Dom0 (first sample: its grant; second: its port).</summary>
    OfferRing,

    /// <summary>Grant as many frames to Dom0. A word a sample: the reference.</summary>
    Grant,

    /// <summary>Set a queue of as many asynchronous hypercalls up. The first sample: 0, or the error.</summary>
    OpenQueue,

    /// <summary>Put a request into the ring and wait for the response. A word a sample: how long that took.</summary>
    RoundTrip,
}
