using Pv.Abi;
using Pv.Hypervisor.Hypercalls;
using Pv.Hypervisor.Memory;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Domains;

/// <summary><c>vcpu_op</c>.</summary>
internal static class VcpuOperations
{
    /// <summary>Nanoseconds between two ticks: a millisecond at least, and no more than Xen's clock can add.</summary>
    private const ulong ShortestPeriod = 1_000_000, LongestPeriod = ulong.MaxValue >> 2;

    public static HypercallResult Handle(ref HypercallContext call)
    {
        var operation = (VcpuOperation)(uint)call.Arguments.First;
        var id = (uint)call.Arguments.Second;
        if (id >= (uint)call.Caller.Vcpus.Length || call.Caller.Vcpus[id] is not { } vcpu)
            return Errno.ENOENT;
        var argument = call.Arguments.Third;
        return operation switch
        {
            VcpuOperation.Initialise => Initialise(ref call, vcpu, argument),
            VcpuOperation.Up => Up(vcpu),
            VcpuOperation.Down => Down(ref call, vcpu),
            VcpuOperation.IsUp => vcpu.IsOnline ? 1L : 0L,
            VcpuOperation.GetRunstateInfo => GetRunstate(ref call, vcpu, argument),
            VcpuOperation.RegisterRunstateMemoryArea => RegisterRunstateArea(ref call, vcpu, argument),
            VcpuOperation.SetPeriodicTimer => SetPeriodic(ref call, vcpu, argument),
            VcpuOperation.StopPeriodicTimer => StopPeriodic(vcpu),
            VcpuOperation.SetSingleShotTimer => SetSingleShot(ref call, vcpu, argument),
            VcpuOperation.StopSingleShotTimer => StopSingleShot(ref call, vcpu),
            VcpuOperation.RegisterVcpuInfo => RegisterInfo(ref call, vcpu, argument),
            VcpuOperation.RegisterVcpuTimeMemoryArea => RegisterTimeArea(ref call, vcpu, argument),
            VcpuOperation.SendNmi => SendNmi(vcpu, argument),
            VcpuOperation.GetPhysicalId => Errno.EINVAL,
            _ => Errno.ENOSYS,
        };
    }

    private static HypercallResult Initialise(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (!call.TryRead(argument, out VcpuGuestContext context))
            return Errno.EFAULT;
        // Two vCPUs may want to give a third its state at once.
        using (call.Caller.PagingLock.Hold())
        {
            if (vcpu.IsInitialised)
                return Errno.EEXIST;
            var error = VcpuContexts.TrySet(vcpu, in context, call.Preemptible);
            return error == Errno.ERESTART ? HypercallResult.Again : error;
        }
    }

    private static HypercallResult Up(Vcpu vcpu)
    {
        using (vcpu.Domain.PagingLock.Hold())
        {
            if (!vcpu.IsInitialised)
                return Errno.EINVAL;
            vcpu.IsOnline = true;
        }
        vcpu.Domain.Core.Scheduler.Wake(vcpu);
        return HypercallResult.Success;
    }

    private static HypercallResult Down(ref HypercallContext call, Vcpu vcpu)
    {
        // Without any vCPU nothing could bring one up again: the domain powers off.
        if (!call.Caller.OnlineVcpus.Any(other => other != vcpu && other.IsOnline))
        {
            call.Caller.ShutDown(ShutdownReason.PowerOff, call.Vcpu);
            return HypercallResult.Success;
        }
        vcpu.IsOnline = false;
        vcpu.Domain.Core.Scheduler.Sleep(vcpu);
        return HypercallResult.Success;
    }

    private static HypercallResult SendNmi(Vcpu vcpu, ulong argument)
    {
        if (argument != 0)
            return Errno.EINVAL;
        vcpu.RaiseNmi();
        return HypercallResult.Success;
    }

    private static HypercallResult GetRunstate(ref HypercallContext call, Vcpu vcpu, ulong argument)
        => call.TryWrite(argument, RunstateAreas.ToAbi(call.Core.Scheduler.Snapshot(vcpu))) ? HypercallResult.Success : Errno.EFAULT;

    private static HypercallResult RegisterRunstateArea(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (!call.TryRead(argument, out VcpuRegisterRunstateMemoryArea area))
            return Errno.EFAULT;
        if (!call.MayBeMemory(area.Address))
            return Errno.EFAULT;
        // The first copy is the caller's to be made, by its page tables: the other vCPU may run, or have none yet.
        vcpu.RunstateArea = area.Address;
        _ = area.Address == 0 || call.TryWrite(area.Address, RunstateAreas.ToAbi(call.Core.Scheduler.Snapshot(vcpu)));
        return HypercallResult.Success;
    }

    private static HypercallResult SetPeriodic(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (!call.TryRead(argument, out VcpuSetPeriodicTimer timer))
            return Errno.EFAULT;
        if (timer.Period is < ShortestPeriod or > LongestPeriod)
            return Errno.EINVAL;
        vcpu.Timers.SetPeriodic(timer.Period);
        return HypercallResult.Success;
    }

    private static HypercallResult StopPeriodic(Vcpu vcpu)
    {
        vcpu.Timers.SetPeriodic(0);
        return HypercallResult.Success;
    }

    private static HypercallResult SetSingleShot(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (vcpu != call.Vcpu)
            return Errno.EINVAL;
        if (!call.TryRead(argument, out VcpuSetSingleShotTimer timer))
            return Errno.EFAULT;
        // Xen 4.17 does not look at the flag that asks for a refusal when the time has passed.
        // Times are signed there: one with the highest bit is long past.
        vcpu.Timers.SetSingleShot((long)timer.Timeout < 0 ? 0 : timer.Timeout);
        return HypercallResult.Success;
    }

    private static HypercallResult StopSingleShot(ref HypercallContext call, Vcpu vcpu)
    {
        if (vcpu != call.Vcpu)
            return Errno.EINVAL;
        vcpu.Timers.StopSingleShot();
        return HypercallResult.Success;
    }

    private static HypercallResult RegisterTimeArea(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (!call.TryRead(argument, out VcpuRegisterTimeMemoryArea area))
            return Errno.EFAULT;
        if (!call.MayBeMemory(area.Address))
            return Errno.EFAULT;
        if (area.Address == 0)
            return HypercallResult.Success;
        var time = default(VcpuTimeInfo);
        PvClock.WriteTime(ref time);
        // Nobody looks whether the copy arrived.
        _ = call.TryWrite(area.Address, time);
        return HypercallResult.Success;
    }

    /// <summary>Moves a vCPU's vcpu_info into a frame of the guest's, once.</summary>
    private static HypercallResult RegisterInfo(ref HypercallContext call, Vcpu vcpu, ulong argument)
    {
        if (!call.TryRead(argument, out VcpuRegisterVcpuInfo register))
            return Errno.EFAULT;
        if (register.Offset > PageSize.Bytes - VcpuInfo.WireSize || register.Offset % 8 != 0)
            return Errno.ENXIO;
        var domain = call.Caller;
        // Two vCPUs may want to move a third one's at once, or bring it up meanwhile.
        using (domain.PagingLock.Hold())
        {
            // The info of a vCPU that may run moves only at its own hands.
            if (vcpu.HasOwnVcpuInfo || (vcpu != call.Vcpu && vcpu.IsOnline))
                return Errno.EINVAL;
            if (!HeldFrames.TryHold(domain, register.Mfn.Value, out var mfn))
                return Errno.EINVAL;
            vcpu.MoveInfo(mfn, register.Offset);
        }
        return HypercallResult.Success;
    }
}
