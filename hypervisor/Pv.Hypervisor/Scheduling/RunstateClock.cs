using Pv.Abi;

namespace Pv.Hypervisor.Scheduling;

/// <summary>How long a vCPU was in each runstate (<c>struct vcpu_runstate_info</c>). The run queue's lock guards it.</summary>
internal sealed class RunstateClock(ulong now)
{
    private readonly ulong[] _times = new ulong[4];
    private Runstate _state = Runstate.Offline;
    private ulong _since = now;

    public Runstate State => _state;

    public void Change(Runstate state, ulong now)
    {
        _times[(int)_state] += now - _since;
        _since = now;
        _state = state;
    }

    public RunstateSnapshot Snapshot(ulong now)
    {
        var inState = now - _since;
        return new RunstateSnapshot(_state, _since, Time(Runstate.Running), Time(Runstate.Runnable), Time(Runstate.Blocked), Time(Runstate.Offline));

        ulong Time(Runstate state) => _times[(int)state] + (state == _state ? inState : 0);
    }
}

/// <summary>A vCPU's runstate at a moment; times in nanoseconds.</summary>
public readonly record struct RunstateSnapshot(
    Runstate State, ulong StateEntryTime, ulong Running, ulong Runnable, ulong Blocked, ulong Offline);
