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
