using Pv.Abi;
using Pv.Hypervisor.Domains;

namespace Pv.Hypervisor.Time;

/// <summary>A vCPU's timers. The guest's three (set_timer_op, single-shot, periodic) raise <c>VIRQ_TIMER</c>; two are the hypervisor's own.</summary>
internal sealed class VcpuTimers
{
    /// <summary>The shortest period that is honoured: Xen's bound, 200 us.</summary>
    public const ulong ShortestPeriod = 200_000;

    private readonly Vcpu _vcpu;
    private readonly CoreTimer _oneShot, _singleShot, _periodic, _poll, _rest;
    private ulong _period, _periodicDeadline;

    public VcpuTimers(Vcpu vcpu)
    {
        _vcpu = vcpu;
        var timekeeper = vcpu.Domain.Core.Timekeeper;
        _oneShot = new CoreTimer(timekeeper, RaiseTimer);
        _singleShot = new CoreTimer(timekeeper, RaiseTimer);
        _periodic = new CoreTimer(timekeeper, OnPeriod);
        _poll = new CoreTimer(timekeeper, OnPollTimeout);
        _rest = new CoreTimer(timekeeper, vcpu.Kick);
    }

    /// <summary><c>set_timer_op</c>: the deadline in system time, 0 for none.</summary>
    public void SetOneShot(ulong deadline)
    {
        if (deadline == 0)
            _oneShot.Cancel();
        else
            _oneShot.Set(deadline);
    }

    public void SetSingleShot(ulong deadline) => _singleShot.Set(deadline);

    public void StopSingleShot() => _singleShot.Cancel();

    public void SetPeriodic(ulong period)
    {
        _period = period;
        _periodicDeadline = _vcpu.Domain.Core.Clock.Now + period;
        _periodic.Set(_periodicDeadline);
    }

    public void StopPeriodic()
    {
        _period = 0;
        _periodic.Cancel();
    }

    /// <summary>Begins a poll; a deadline of 0 never comes.</summary>
    public void BeginPoll(ulong deadline)
    {
        if (deadline != 0)
            _poll.Set(deadline);
    }

    public void EndPoll() => _poll.Cancel();

    /// <summary>Wakes the vCPU at a time, whatever it waits for.</summary>
    public void Rest(ulong until) => _rest.Set(until);

    public void CancelAll()
    {
        StopPeriodic();
        _oneShot.Cancel();
        _singleShot.Cancel();
        _poll.Cancel();
        _rest.Cancel();
    }

    private void RaiseTimer() => _vcpu.Domain.Events.RaiseVirq(VirtualIrq.Timer, _vcpu.Id);

    private void OnPeriod()
    {
        var period = _period;
        if (period == 0)
            return;
        RaiseTimer();
        // Periods that nobody could hear are not made up for.
        var now = _vcpu.Domain.Core.Clock.Now;
        _periodicDeadline += period * Math.Max(1, (now - _periodicDeadline) / period + 1);
        _periodic.Set(_periodicDeadline);
    }

    private void OnPollTimeout()
    {
        _vcpu.PolledPort = 0;
        _vcpu.Kick();
    }
}
