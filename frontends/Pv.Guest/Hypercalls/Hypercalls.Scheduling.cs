using Pv.Abi;

namespace Pv.Guest;

/// <content><c>sched_op</c>, <c>vcpu_op</c>, <c>set_timer_op</c> (<c>public/sched.h</c>, <c>public/vcpu.h</c>).</content>
public sealed partial class Hypercalls
{
    /// <summary>Ends the calling domain. The vCPU does not run again.</summary>
    public Errno Shutdown(ShutdownReason reason)
    {
        var argument = new SchedShutdown { Reason = reason };
        return ErrnoOf(Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Shutdown, ref argument));
    }

    /// <summary>Ends another domain as if it had asked (Dom0).</summary>
    public Errno RemoteShutdown(DomId domain, ShutdownReason reason)
    {
        var argument = new SchedRemoteShutdown { Domain = domain, Reason = reason };
        return ErrnoOf(Call(HypercallNumber.SchedOp, (ulong)SchedOperation.RemoteShutdown, ref argument));
    }

    /// <summary>Lets others have the pCPU. For a C# guest the door only notes the wish: it yields when its turn ends.</summary>
    public Errno YieldVcpu() => ErrnoOf(Call(HypercallNumber.SchedOp, (ulong)SchedOperation.Yield));

    /// <summary>Sets the calling vCPU's timer: <see cref="VirtualIrq.Timer"/> at that system time in nanoseconds; 0 stops it.</summary>
    public Errno SetTimer(ulong systemTime) => ErrnoOf(Call(HypercallNumber.SetTimerOp, systemTime));

    /// <summary>As <see cref="SetTimer"/>, with <see cref="SingleShotTimerFlags.Future"/> to refuse what is past.</summary>
    public Errno SetSingleShotTimer(VcpuId vcpu, ulong systemTime, SingleShotTimerFlags flags = SingleShotTimerFlags.None)
    {
        var argument = new VcpuSetSingleShotTimer { Timeout = systemTime, Flags = flags };
        return Vcpu(VcpuOperation.SetSingleShotTimer, vcpu, ref argument);
    }

    public Errno StopSingleShotTimer(VcpuId vcpu)
        => ErrnoOf(Call(HypercallNumber.VcpuOp, (ulong)VcpuOperation.StopSingleShotTimer, vcpu.Value));

    /// <summary>Where the vCPU's time went.</summary>
    public Errno GetRunstate(VcpuId vcpu, out VcpuRunstateInfo runstate)
    {
        runstate = default;
        return Vcpu(VcpuOperation.GetRunstateInfo, vcpu, ref runstate);
    }

    private Errno Vcpu<T>(VcpuOperation operation, VcpuId vcpu, ref T argument) where T : unmanaged
    {
        using var scope = _pages.Stack.Enter();
        var pushed = scope.Push(ref argument);
        var result = Call(HypercallNumber.VcpuOp, (ulong)operation, vcpu.Value, pushed.Address);
        scope.Read(pushed, ref argument);
        return ErrnoOf(result);
    }
}
