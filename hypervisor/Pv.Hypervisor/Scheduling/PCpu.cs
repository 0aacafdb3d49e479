using Pv.Hypervisor.Time;
using Pv.Machine;

namespace Pv.Hypervisor.Scheduling;

/// <summary>A physical CPU: a thread that runs vCPUs, one at a time. Its fields are the run queue's lock's, but for the flags said otherwise.</summary>
internal sealed class PCpu
{
    private readonly Thread _thread;

    public PCpu(int index, Timekeeper timekeeper, Action<PCpu> serve)
    {
        Index = index;
        SliceTimer = new CoreTimer(timekeeper, EndSlice);
        _thread = new Thread(() => serve(this)) { IsBackground = true, Name = $"pcpu{index}" };
    }

    public int Index { get; }

    /// <summary>Whose vCPUs it runs; null while it is in no pool.</summary>
    public CpuPool? Pool { get; set; }

    /// <summary>Wakes the thread when it has nothing to run.</summary>
    public HostSignal Signal { get; } = new();

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
        if (_thread.IsAlive)
            _thread.Join();
        SliceTimer.Cancel();
        Signal.Dispose();
    }

    private void EndSlice()
    {
        SliceOver = true;
        Current?.Vcpu.Engine?.Kick();
    }
}
