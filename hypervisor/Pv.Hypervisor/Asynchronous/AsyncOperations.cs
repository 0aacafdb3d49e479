using System.Numerics;
using System.Runtime.InteropServices;
using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Asynchronous;

/// <summary>The hypercall of the asynchronous hypercalls: sets up, kicks and takes down the calling vCPU's queue.</summary>
internal static class AsyncOperations
{
    public static HypercallResult Handle(ref HypercallContext call)
    {
        if (!call.Caller.Limits.AsyncHypercalls)
            return Errno.ENOSYS;
        switch ((AsyncOperation)call.Arguments.First)
        {
            case AsyncOperation.Query:
                return (long)AsyncHypercalls.Version;
            case AsyncOperation.SetUp:
                return SetUp(ref call);
            case AsyncOperation.TearDown:
                if (QueueOf(call.Vcpu) is not { } queue)
                    return Errno.ENOENT;
                queue.TearDown(call.Preemptible);
                return HypercallResult.Success;
            case AsyncOperation.Kick:
                return Kick(call.Vcpu);
            default:
                return Errno.ENOSYS;
        }
    }

    private static HypercallResult SetUp(ref HypercallContext call)
    {
        if (!call.TryRead(call.Arguments.Second, out AsyncQueueSetup setup))
            return Errno.EFAULT;
        if (!BitOperations.IsPow2(setup.Entries) || setup.Entries > AsyncHypercalls.MostEntries || setup.Flags != 0 || setup.Reserved != 0
            || setup.FrameCount != AsyncHypercalls.FrameCount(setup.Entries))
            return Errno.EINVAL;
        if (QueueOf(call.Vcpu) is not null)
            return Errno.EBUSY;
        Span<ulong> frames = stackalloc ulong[(int)setup.FrameCount];
        return call.TryRead(setup.FrameList, MemoryMarshal.AsBytes(frames)) ? AsyncQueue.TryCreate(call.Vcpu, setup, frames) : Errno.EFAULT;
    }

    private static HypercallResult Kick(Vcpu vcpu)
    {
        if (QueueOf(vcpu) is not { } queue)
            return Errno.ENOENT;
        // What it is before it is woken: the service may come to its end on another pCPU before this call does.
        if (queue.Stopped is not Errno.None and var stopped)
            return stopped;
        queue.Kick();
        return HypercallResult.Success;
    }

    private static AsyncQueue? QueueOf(Vcpu vcpu) => vcpu.Domain.Services[vcpu.Id.Value]?.Queue;
}
