using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Hypercalls;

namespace Pv.Hypervisor.Events;

/// <summary><c>event_channel_op</c>.</summary>
internal static class EventChannelOperations
{
    // EVTCHNOP_reset_cont, which is not in the public header: how a reset that was stopped goes on.
    private const uint ResetContinued = 14;

    /// <summary>How many physical interrupts Xen lets a domU name: those of a machine with one I/O APIC, and 32.</summary>
    public const uint PirqLimit = 24 + 32;

    // The one that drivers make all the time does not pay for the frame of the others, whose arguments are larger.
    public static HypercallResult Handle(ref HypercallContext call)
        => (EventChannelOperation)(uint)call.Arguments.First == EventChannelOperation.Send ? Send(ref call, call.Arguments.Second) : HandleOther(ref call);

    private static HypercallResult HandleOther(ref HypercallContext call)
    {
        var argument = call.Arguments.Second;
        return (EventChannelOperation)(uint)call.Arguments.First switch
        {
            EventChannelOperation.AllocUnbound => AllocateUnbound(ref call, argument),
            EventChannelOperation.BindInterdomain => BindInterdomain(ref call, argument),
            EventChannelOperation.BindVirq => BindVirq(ref call, argument),
            EventChannelOperation.BindIpi => BindIpi(ref call, argument),
            EventChannelOperation.BindPirq => BindPirq(ref call, argument),
            EventChannelOperation.BindVcpu => BindVcpu(ref call, argument),
            EventChannelOperation.Close => Close(ref call, argument),
            EventChannelOperation.Status => Status(ref call, argument),
            EventChannelOperation.Unmask => Unmask(ref call, argument),
            EventChannelOperation.Reset => Reset(ref call, argument, goesOn: false),
            (EventChannelOperation)ResetContinued => Reset(ref call, argument, goesOn: true),
            EventChannelOperation.InitControl => InitControl(ref call, argument),
            EventChannelOperation.ExpandArray => ExpandArray(ref call, argument),
            EventChannelOperation.SetPriority => SetPriority(ref call, argument),
            _ => Errno.ENOSYS,
        };
    }

    /// <summary><c>event_channel_op_compat</c>: the operation and its argument in one structure.</summary>
    public static HypercallResult HandleCompat(ref HypercallContext call)
    {
        var address = call.Arguments.First;
        if (!call.TryRead(address, out uint command))
            return Errno.EFAULT;
        if (command > (uint)EventChannelOperation.Unmask)
            return Errno.ENOSYS;
        call.Arguments = call.Arguments with { First = command, Second = address + sizeof(uint) };
        return Handle(ref call);
    }

    private static HypercallResult Send(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelSend send) ? call.Caller.Events.Send(send.Port) : Errno.EFAULT;

    private static HypercallResult AllocateUnbound(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelAllocUnbound allocate))
            return Errno.EFAULT;
        if (!TryFind(ref call, allocate.Domain, out var domain, out var error))
            return error;
        var remote = allocate.RemoteDomain == DomId.Self ? call.Caller.Id : allocate.RemoteDomain;
        error = domain!.Events.AllocateUnbound(remote, out allocate.Port);
        return error != Errno.None ? error : Finish(ref call, argument, allocate);
    }

    private static HypercallResult BindInterdomain(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelBindInterdomain bind))
            return Errno.EFAULT;
        var remoteId = bind.RemoteDomain == DomId.Self ? call.Caller.Id : bind.RemoteDomain;
        if (call.Core.Domains.Find(remoteId) is not { } remote)
            return Errno.ESRCH;
        var error = call.Caller.Events.BindInterdomain(remote, bind.RemotePort, out bind.LocalPort);
        return error != Errno.None ? error : Finish(ref call, argument, bind);
    }

    private static HypercallResult BindVirq(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelBindVirq bind))
            return Errno.EFAULT;
        var error = call.Caller.Events.BindVirq(bind.Virq, bind.Vcpu, out bind.Port);
        return error != Errno.None ? error : Finish(ref call, argument, bind);
    }

    private static HypercallResult BindIpi(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelBindIpi bind))
            return Errno.EFAULT;
        var error = call.Caller.Events.BindIpi(bind.Vcpu, out bind.Port);
        return error != Errno.None ? error : Finish(ref call, argument, bind);
    }

    // There is no physical interrupt that a domain could be given.
    private static HypercallResult BindPirq(ref HypercallContext call, ulong argument)
        => !call.TryRead(argument, out EventChannelBindPirq bind) ? Errno.EFAULT : bind.Pirq >= PirqLimit ? Errno.EINVAL : Errno.EPERM;

    private static HypercallResult BindVcpu(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelBindVcpu bind) ? call.Caller.Events.BindVcpu(bind.Port, bind.Vcpu) : Errno.EFAULT;

    private static HypercallResult Close(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelClose close) ? call.Caller.Events.Close(close.Port) : Errno.EFAULT;

    private static HypercallResult Status(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelStatus status))
            return Errno.EFAULT;
        // That there is no such port is told to anybody.
        if (!TryFind(ref call, status.Domain, out var domain, out var refusal) && domain is null)
            return refusal;
        var error = domain!.Events.GetStatus(status.Port, ref status);
        if (error == Errno.None)
            error = refusal;
        return error != Errno.None ? error : Finish(ref call, argument, status);
    }

    private static HypercallResult Unmask(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelUnmask unmask) ? call.Caller.Events.Unmask(unmask.Port) : Errno.EFAULT;

    private static HypercallResult Reset(ref HypercallContext call, ulong argument, bool goesOn)
    {
        if (!call.TryRead(argument, out EventChannelReset reset))
            return Errno.EFAULT;
        if (!TryFind(ref call, reset.Domain, out var domain, out var error))
            return error;
        // Another domain's ports do not change under its feet.
        if (domain != call.Caller && domain!.ToolstackPauses == 0)
            return Errno.EINVAL;
        error = domain!.Events.Reset(goesOn, call.Preemptible);
        if (error != Errno.ERESTART)
            return error;
        call.Arguments = call.Arguments with { First = ResetContinued };
        return HypercallResult.Again;
    }

    private static HypercallResult InitControl(ref HypercallContext call, ulong argument)
    {
        if (!call.TryRead(argument, out EventChannelInitControl control))
            return Errno.EFAULT;
        control.LinkBits = FifoEvents.LinkBits;
        var error = call.Caller.Events.InitControl(control.Vcpu, control.ControlGfn, control.Offset);
        return error != Errno.None ? error : Finish(ref call, argument, control);
    }

    private static HypercallResult ExpandArray(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelExpandArray expand) ? call.Caller.Events.ExpandArray(expand.ArrayGfn) : Errno.EFAULT;

    private static HypercallResult SetPriority(ref HypercallContext call, ulong argument)
        => call.TryRead(argument, out EventChannelSetPriority set) ? call.Caller.Events.SetPriority(set.Port, set.Priority) : Errno.EFAULT;

    /// <summary>The domain that an operation is about: the caller's own, or, for Dom0, any.</summary>
    private static bool TryFind(ref HypercallContext call, DomId id, out Domain? domain, out Errno error)
    {
        domain = id == DomId.Self ? call.Caller : call.Core.Domains.Find(id);
        error = domain is null ? Errno.ESRCH : domain != call.Caller && !call.Caller.IsPrivileged ? Errno.EPERM : Errno.None;
        return error == Errno.None;
    }

    private static HypercallResult Finish<T>(ref HypercallContext call, ulong address, in T value) where T : unmanaged
        => call.TryWrite(address, value) ? HypercallResult.Success : Errno.EFAULT;
}
