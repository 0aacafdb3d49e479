using Pv.Abi;
using Pv.Toolstack.Lab.Guests;

namespace Pv.Toolstack.Lab.Batching;

/// <summary><c>xen_version</c> of the version alone: the handler is nothing, so what is measured is the way in and out.</summary>
internal sealed class NullCall() : LabCall(Word, "a call that does nothing (xen_version)")
{
    /// <summary>Its word.</summary>
    public const string Word = "null";

    public override bool HasList => false;

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
    {
        const long version = 4 << 16 | 17;
        return [new CallPhase(HypercallNumber.XenVersion, _ => [(ulong)XenVersionOperation.Version]) { Expected = _ => version }];
    }
}

/// <summary>
/// The null call with parts of it left out, so that the rest can be told apart by differences: with a number that is no call the way in and out remains,
/// without the entry what the guest does for it.
/// </summary>
/// <param name="word">Its word in results.</param>
/// <param name="isOmitted">Without the entry.</param>
internal sealed class PartOfNullCall(string word, bool isOmitted) : LabCall(word, "a part of the null call")
{
    /// <summary>Their words.</summary>
    public const string Absent = "absent", Omitted = "omitted";

    // The last of the numbers that Xen has room for is nobody's.
    private const HypercallNumber NoCall = (HypercallNumber)63;

    public override bool HasList => false;

    public override IReadOnlyList<int> Sizes => [ExitCost.Batch];

    public override IReadOnlyList<CallPhase> Prepare(ILabGuest guest)
        => [new CallPhase(NoCall, _ => [(ulong)XenVersionOperation.Version]) { Expected = _ => isOmitted ? 0 : Errno.ENOSYS.ToReturn(), IsOmitted = isOmitted }];
}
