namespace Pv.LabGuests;

/// <summary>
/// A step of a program as it stands in a guest's memory: sixteen words of eight bytes.
/// <code>
/// word  0        1       2       3      4      5              6              8
/// copy  kind     source  target  count  bytes  source stride  target stride
/// call  kind     number  arguments (six words) ..............................result
/// omit  the same
/// queue kind     entries header  ring   calls  size                          result
/// </code>
/// Of a queue, the entries are those that are submitted; what the rings' addresses are a C# guest does not ask, as it has the queue's own interface.
/// </summary>
public static class LabStep
{
    /// <summary>Bytes.</summary>
    public const int WireSize = 128;

    /// <summary>Word by word.</summary>
    public const int Kind = 0, Source = 1, Target = 2, Count = 3, Bytes = 4, SourceStride = 5, TargetStride = 6;

    /// <summary>As above, of a call.</summary>
    public const int Number = 1, FirstArgument = 2, Result = 8;

    /// <summary>As above, of a queue.</summary>
    public const int Entries = 1, Header = 2, Ring = 3, Calls = 4, Size = 5;

    public const int Words = WireSize / sizeof(ulong), Arguments = 6;
}

/// <summary>What a step does.</summary>
public enum LabStepKind : ulong
{
    /// <summary>Copies items, since the source changes between rounds: of four or eight bytes each, or a single one of any size.</summary>
    Copy,

    /// <summary>Fills: as a kernel writes arguments that it has computed. The source stays as it is.</summary>
    Fill,

    /// <summary>Makes a hypercall.</summary>
    Call,

    /// <summary>All that a call is but the entry: its arguments are loaded, and its number is its result.</summary>
    Omit,

    /// <summary>Leaves hypercalls in the queue of asynchronous ones, and wakes its service if that sleeps.</summary>
    Submit,

    /// <summary>Waits until as many of them were made, and reads their results; its own has the bits of all.</summary>
    Await,
}
