using Pv.Abi;

namespace Pv.Guest;

/// <summary>The delays of a C# guest, on the one timer of its vCPU (<c>set_timer_op</c>, <see cref="VirtualIrq.Timer"/>).</summary>
/// <remarks>In turns only.</remarks>
internal sealed class GuestTimers
{
    private readonly Hypercalls _hypercalls;
    private readonly GuestClock _clock;
    private readonly PriorityQueue<TaskCompletionSource, ulong> _waiting = new();
    private ulong _armed = ulong.MaxValue;

    public GuestTimers(Hypercalls hypercalls, GuestClock clock, EventChannels events)
    {
        _hypercalls = hypercalls;
        _clock = clock;
        events.BindVirq(VirtualIrq.Timer, Expire);
    }

    /// <summary>Waits until system time is <paramref name="deadline"/> nanoseconds or later.</summary>
    public Task WaitUntil(ulong deadline)
    {
        if (deadline <= _clock.Now)
            return Task.CompletedTask;
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Enqueue(waiter, deadline);
        Arm();
        return waiter.Task;
    }

    private void Expire()
    {
        _armed = ulong.MaxValue;
        var now = _clock.Now;
        while (_waiting.TryPeek(out var waiter, out var deadline) && deadline <= now)
        {
            _waiting.Dequeue();
            waiter.SetResult();
        }
        Arm();
    }

    private void Arm()
    {
        if (!_waiting.TryPeek(out _, out var deadline) || deadline >= _armed)
            return;
        _armed = deadline;
        _hypercalls.SetTimer(deadline).OrThrow("set_timer_op");
    }
}
