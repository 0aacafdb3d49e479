using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Memory;

/// <summary>Frames that a guest gives the hypervisor to write to: a vCPU's info, its event queues. Held by a reference and as writable.</summary>
internal static class HeldFrames
{
    /// <summary>Takes a frame of the domain's, by the number that the domain knows it by. False when it has none such, or uses it otherwise.</summary>
    public static bool TryHold(Domain domain, ulong number, out Mfn frame)
    {
        frame = new Mfn(number);
        return (domain.PhysicalMap is not { } map || map.Get(new Pfn(number), out frame) == PhysicalMapKind.Own)
            && domain.Core.PageTypes.TryGetFrame(frame, FrameType.Writable, domain.Id, null) == Errno.None;
    }

    public static void Release(Domain domain, Mfn frame) => domain.Core.PageTypes.PutFrame(frame, null);
}
