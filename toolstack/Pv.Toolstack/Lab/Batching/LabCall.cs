using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary>A hypercall that <c>xl lab batching</c> measures.</summary>
/// <param name="name">Its word on the command line.</param>
/// <param name="title">What is done, for people.</param>
internal abstract class LabCall(string name, string title)
{
    public string Name => name;

    public string Title => title;

    /// <summary>It changes page tables, which only machine code has.</summary>
    public virtual bool NeedsTables => false;

    /// <summary>Whether it takes a list by itself.</summary>
    public virtual bool HasList => true;

    /// <summary>Operations that one item counts for.</summary>
    public virtual int OperationsAnItem => 1;

    /// <summary>The sizes of batches that it is measured in, whatever others are; none for as many as usual.</summary>
    public virtual IReadOnlyList<int> Sizes => [];

    /// <summary>Gets what the call needs into a fresh guest, and tells how it is made.</summary>
    public abstract IReadOnlyList<CallPhase> Prepare(ILabGuest guest);

    /// <summary>What must be put right before some items can be done once more.</summary>
    public virtual void Begin(LabProgram program, int items)
    {
    }

    public static IReadOnlyList<LabCall> All() =>
    [
        new NullCall(), new EventSendCall(), new UpdateVaMappingCall(), new MmuUpdateCall(), new GrantMapCall(), new GrantCopyCall(), new MemoryCall(),
    ];

    /// <summary>What is measured beside the null call, to tell what that consists of.</summary>
    public static IReadOnlyList<LabCall> PartsOfNull() => [new PartOfNullCall(PartOfNullCall.Absent, isOmitted: false), new PartOfNullCall(PartOfNullCall.Omitted, isOmitted: true)];

    /// <summary>The bytes of a row of values.</summary>
    protected static byte[] Rows<T>(Func<int, T> item) where T : unmanaged
        => System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Range(0, LabSizes.Items).Select(item).ToArray().AsSpan()).ToArray();
}
