using Pv.Hypervisor.Stepping;
using Pv.Hypervisor.Time;

namespace Pv.Hypervisor.Scheduling;

/// <summary>A physical CPU: a thread that runs vCPUs, one at a time. Its fields are the run queue's lock's, but for the flags said otherwise.</summary>
internal sealed class PCpu
{
    private readonly CoreThread _thread;

    public PCpu(int index, Timekeeper timekeeper, Stepper? stepper, Action<PCpu> serve)
    {
        Index = index;
        SliceTimer = new CoreTimer(timekeeper, EndSlice);
        Signal = new CoreSignal(stepper);
        _thread = new CoreThread(stepper, $"pcpu{index}", () => serve(this));
    }

    public int Index { get; }

    /// <summary>Whose vCPUs it runs; null while it is in no pool.</summary>
    public CpuPool? Pool { get; set; }

    /// <summary>Wakes the thread when it has nothing to run.</summary>
    public CoreSignal Signal { get; }

    public CoreTimer SliceTimer { get; }

    public SchedulingUnit? Current { get; set; }

    public bool Idle { get; set; }

    /// <summary>Idle, and already sent to look at the queue.</summary>
    public bool Woken { get; set; }

    public ulong IdleSince { get; set; }

    public ulong IdleTime { get; set; }

    /// <summary>The running vCPU is to be given back. Set by any thread, read by the pCPU's.</summary>
    public volatile bool SliceOver;

    public void Start() => _thread.Start();

    public void Stop()
    {
        SliceOver = true;
        Current?.Vcpu.Engine?.Kick();
        Signal.Set();
        _thread.Join();
        SliceTimer.Cancel();
    }

    private void EndSlice()
    {
        SliceOver = true;
        Current?.Vcpu.Engine?.Kick();
    }
}
