using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Scheduling;

/// <summary><c>sched_op</c>.</summary>
internal static class SchedOperations
{
    private const uint MostPolledPorts = 128;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var argument = call.Arguments.Second;
        return (SchedOperation)(uint)call.Arguments.First switch
        {
            SchedOperation.Yield => new HypercallResult(HypercallOutcome.Yield, 0),
            SchedOperation.Block => Block(ref call),
            SchedOperation.Shutdown => Shutdown(ref call, argument),
            SchedOperation.Poll => Poll(ref call, argument),
            SchedOperation.RemoteShutdown => RemoteShutdown(ref call, argument),
            SchedOperation.ShutdownCode => ShutdownCode(ref call, argument),
            SchedOperation.Watchdog => Watchdog(ref call, argument),
            SchedOperation.PinOverride => call.Caller.IsPrivileged ? Errno.ENOSYS : Errno.EPERM,
            _ => Errno.ENOSYS,
        };
    }

    /// <summary>The form of before Xen 3.0.3: shutdown's reason is the argument itself.</summary>
    public static HypercallResult HandleCompat(ref HypercallContext call) => (SchedOperation)call.Arguments.First switch
    {
        SchedOperation.Yield => new HypercallResult(HypercallOutcome.Yield, 0),
        SchedOperation.Block => Block(ref call),
        SchedOperation.Shutdown => EndWith(ref call, (ShutdownReason)call.Arguments.Second),
        _ => Errno.ENOSYS,
    };

    private static HypercallResult Block(ref HypercallContext call)
    {
        Volatile.Write(ref call.Vcpu.Info.UpcallMask, 0);
        Interlocked.MemoryBarrier();
        return new HypercallResult(HypercallOutcome.Block, 0);
    }

    private static HypercallResult Shutdown(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out SchedShutdown shutdown) ? EndWith(ref call, shutdown.Reason) : Errno.EFAULT;

    private static HypercallResult EndWith(ref HypercallContext call, ShutdownReason reason)
    {
        if (reason == ShutdownReason.Crash)
            DomainCrash.Report(call.Vcpu, "the guest says that it crashed");
        else
            call.Caller.ShutDown(reason, call.Vcpu);
        return HypercallResult.Success;
    }

    /// <summary>Waits for one of some ports, masked or not, without an upcall; or until a time.</summary>
    private static HypercallResult Poll(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out SchedPoll poll))
            return Errno.EFAULT;
        if (poll.PortCount > MostPolledPorts)
            return Errno.EINVAL;
        var vcpu = call.Vcpu;
        Span<EventPort> ports = stackalloc EventPort[(int)poll.PortCount];
        if (!call.TryRead(poll.Ports, System.Runtime.InteropServices.MemoryMarshal.AsBytes(ports)))
            return Errno.EFAULT;
        foreach (var port in ports)
        {
            if (!call.Caller.Events.IsOpen(port))
                return Errno.EINVAL;
        }
        // The mark first, then the look: an event between them wakes.
        vcpu.PolledPort = ports.Length == 1 ? (int)ports[0].Value : -1;
        Interlocked.MemoryBarrier();
        foreach (var port in ports)
        {
            if (!call.Caller.Events.IsPending(port))
                continue;
            vcpu.PolledPort = 0;
            return HypercallResult.Success;
        }
        vcpu.IsPolling = true;
        vcpu.Timers.BeginPoll(poll.Timeout);
        return new HypercallResult(HypercallOutcome.Block, 0);
    }

    private static HypercallResult RemoteShutdown(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out SchedRemoteShutdown shutdown))
            return Errno.EFAULT;
        if (call.Core.Domains.Find(shutdown.Domain) is not { } domain)
            return Errno.ESRCH;
        if (!call.Caller.IsPrivileged)
            return Errno.EPERM;
        domain.ShutDown(shutdown.Reason, null);
        return HypercallResult.Success;
    }

    private static HypercallResult ShutdownCode(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out SchedShutdown shutdown))
            return Errno.EFAULT;
        // The first one stays.
        using (call.Caller.PageLock.Hold())
            call.Caller.ShutdownCode ??= shutdown.Reason;
        return HypercallResult.Success;
    }

    private static HypercallResult Watchdog(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out SchedWatchdog watchdog))
            return Errno.EFAULT;
        return call.Caller.Watchdogs.Set(watchdog.Id, watchdog.Timeout * NanosecondsPerSecond);
    }
}
