using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Tests.Fuzzing;

/// <summary>What a guest learns from the answer to its call: the ports, handles and frames that its next calls are about.</summary>
internal static class Lessons
{
    /// <summary>Where the list of frames stands behind the argument of <c>GNTTABOP_setup_table</c>, seen from its status.</summary>
    private const int FramesBehindStatus = 0x40 - 8;

    /// <summary>Takes the lesson; the status of an operation that has one of its own.</summary>
    public static GrantStatus Take(FuzzDomain domain, Vcpu vcpu, in MadeCall made, long result, ulong argumentBase)
    {
        var at = argumentBase + (ulong)made.At;
        if (made.Learn == Lesson.QueueKick && result == Errno.EBADMSG.ToReturn() && domain.Queues[made.Which] is { } queue)
            queue.IsStopped = true;
        if (made.Learn is Lesson.Nothing or Lesson.QueueKick || result < 0)
            return GrantStatus.Okay;
        switch (made.Learn)
        {
            case Lesson.Port:
                if (TryRead(vcpu, at, out uint port))
                    domain.Ports[port % FuzzDomain.KnownPorts] = port;
                return GrantStatus.Okay;
            case Lesson.MapHandle:
                if (!TryRead(vcpu, at, out GrantTableMapGrantRef map))
                    return GrantStatus.Okay;
                if (map.Status == GrantStatus.Okay)
                    domain.Handles[map.Handle % FuzzDomain.KnownHandles] = (map.Handle, map.HostAddress);
                return map.Status;
            case Lesson.Queue:
                TakeQueue(domain, vcpu, made.Which, at);
                return GrantStatus.Okay;
            case Lesson.QueueGone:
                domain.Queues[made.Which] = null;
                return GrantStatus.Okay;
            case Lesson.NewFrames:
                TakeFrames(domain, vcpu, made, result, at);
                return GrantStatus.Okay;
            case Lesson.GrantFrames:
                for (var i = 0; i < domain.GrantFrames.Length; i++)
                {
                    // What stands there may be anything; a guest that takes it for its table writes to its own pages alone, which the driver cannot.
                    var grants = domain.Domain.Grants;
                    if (TryRead(vcpu, at + FramesBehindStatus + (ulong)i * 8, out Mfn mfn) && i < grants.FrameCount && grants.GetSharedFrame((uint)i, out var table) == Errno.None
                        && mfn == table)
                        domain.GrantFrames[i] = mfn;
                }
                break;
        }
        return TryRead(vcpu, at, out GrantStatus status) && status is <= 0 and > (GrantStatus)(-16) ? status : GrantStatus.Okay;
    }

    private static void TakeQueue(FuzzDomain domain, Vcpu vcpu, int which, ulong at)
    {
        if (!TryRead(vcpu, at, out AsyncQueueSetup setup) || setup.Entries is 0 or > AsyncHypercalls.MostEntries)
            return;
        var frames = new int[AsyncHypercalls.FrameCount(setup.Entries)];
        for (var i = 0; i < frames.Length; i++)
        {
            if (!TryRead(vcpu, setup.FrameList + (ulong)i * sizeof(ulong), out Mfn frame) || (frames[i] = Array.IndexOf(domain.Frames, frame)) < 0)
                return;
        }
        domain.Queues[which] = new FuzzQueue(setup.Entries, frames);
    }

    private static void TakeFrames(FuzzDomain domain, Vcpu vcpu, in MadeCall made, long result, ulong at)
    {
        var count = made.Label == FuzzLabels.Memory[(int)MemoryOperation.Exchange] ? 1 : (int)Math.Min(result, 3);
        for (var i = 0; i < count; i++)
        {
            if (TryRead(vcpu, at + (ulong)i * 8, out Mfn mfn))
                domain.Frames[(made.Which + i) % domain.Frames.Length] = mfn;
        }
    }

    private static bool TryRead<T>(Vcpu vcpu, ulong address, out T value) where T : unmanaged
    {
        value = default;
        return FuzzDomain.Read(vcpu, address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }
}
