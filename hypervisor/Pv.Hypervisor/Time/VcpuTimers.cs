using Pv.Abi;
using Pv.Hypervisor.Domains;
using Pv.Hypervisor.Stepping;

namespace Pv.Hypervisor.Time;

/// <summary>
/// A vCPU's timers. The guest's two (one shot, which <c>set_timer_op</c> sets as well, and the ticker) raise <c>VIRQ_TIMER</c>; two are the
/// hypervisor's own.
/// </summary>
internal sealed class VcpuTimers
{
    /// <summary>The ticker's period at the start, for a PV kernel: 100 ticks a second.</summary>
    private const ulong FirstPeriod = 10_000_000;

    private readonly Vcpu _vcpu;
    private readonly CoreTimer _singleShot, _periodic, _poll, _rest;

    // Others may set the ticker while the vCPU runs.
    private readonly CoreLock _tickerLock;
    private ulong _period, _lastTick;
    private bool _runs;

    public VcpuTimers(Vcpu vcpu)
    {
        _vcpu = vcpu;
        _tickerLock = new CoreLock(vcpu.Domain.Core.Stepper, $"the ticker of {vcpu}");
        var timekeeper = vcpu.Domain.Core.Timekeeper;
        _singleShot = new CoreTimer(timekeeper, RaiseTimer);
        _periodic = new CoreTimer(timekeeper, OnPeriod);
        _poll = new CoreTimer(timekeeper, OnPollTimeout);
        _rest = new CoreTimer(timekeeper, vcpu.Kick);
        if (vcpu.Domain.Kind == DomainKind.Paravirtualized)
            _period = FirstPeriod;
    }

    /// <summary>Sets the one shot, in system time; a time in the past comes at once.</summary>
    public void SetSingleShot(ulong deadline) => _singleShot.Set(deadline);

    public void StopSingleShot() => _singleShot.Cancel();

    /// <summary>Sets the ticker's period in nanoseconds; 0 stops it.</summary>
    public void SetPeriodic(ulong period)
    {
        using (_tickerLock.Hold())
        {
            _period = period;
            _lastTick = _vcpu.Domain.Core.Clock.Now;
            if (period == 0)
                _periodic.Cancel();
            else if (_runs)
                _periodic.Set(_lastTick + period);
        }
    }

    /// <summary>A pCPU has the vCPU now: it ticks, and at once if a tick is due. Asleep a vCPU does not tick, and is not woken to do so.</summary>
    public void BeginRunning()
    {
        using (_tickerLock.Hold())
        {
            _runs = true;
            if (_period == 0)
                return;
            var now = _vcpu.Domain.Core.Clock.Now;
            if (now < _lastTick + _period)
            {
                _periodic.Set(_lastTick + _period);
                return;
            }
            _lastTick = now;
            _periodic.Set(now + _period);
        }
        RaiseTimer();
    }

    public void EndRunning()
    {
        using (_tickerLock.Hold())
        {
            _runs = false;
            if (_period != 0)
                _periodic.Cancel();
        }
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
        SetPeriodic(0);
        _singleShot.Cancel();
        _poll.Cancel();
        _rest.Cancel();
    }

    private void RaiseTimer() => _vcpu.Domain.Events.RaiseVirq(VirtualIrq.Timer, _vcpu.Id);

    private void OnPeriod()
    {
        using (_tickerLock.Hold())
        {
            if (!_runs || _period == 0)
                return;
            // Ticks that nobody could hear are not made up for.
            _lastTick = _vcpu.Domain.Core.Clock.Now;
            _periodic.Set(_lastTick + _period);
        }
        RaiseTimer();
    }

    private void OnPollTimeout()
    {
        _vcpu.PolledPort = 0;
        _vcpu.Kick();
    }
}
