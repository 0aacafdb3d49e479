using Pv.Machine;

namespace Pv.Hypervisor.Stepping;

/// <summary>A one-place signal between threads of the core: a <see cref="HostSignal"/>, or its like in deterministic mode.</summary>
/// <remarks>
/// It has no end of its own: a timer that has begun to fire, or a late event of Dom0's, may set it while the machine ends. The collector takes it when nobody
/// can any more.
/// </remarks>
internal sealed class CoreSignal
{
    private readonly HostSignal? _host;
    private readonly Stepper? _stepper;
    private bool _isSet;

    public CoreSignal(Stepper? stepper)
    {
        _stepper = stepper;
        _host = stepper is null ? new HostSignal() : null;
    }

    /// <summary>Releases the waiter, or the next one. Setting twice is setting once.</summary>
    public void Set()
    {
        if (_host is not null)
            _host.Set();
        else
            _isSet = true;
    }

    /// <summary>Waits for a <see cref="Set"/>.</summary>
    /// <param name="timeoutNanoseconds">How long at most; a negative time is without end.</param>
    /// <param name="soon">Whether it is likely to come soon.</param>
    /// <returns>False when the time went by first.</returns>
    public bool Wait(long timeoutNanoseconds = -1, bool soon = true)
    {
        if (_host is not null)
            return _host.Wait(timeoutNanoseconds, soon);
        var deadline = timeoutNanoseconds < 0 ? Strand.Never : _stepper!.Clock.Now + (ulong)timeoutNanoseconds;
        var came = _stepper!.WaitUntil(() => _isSet, "something to do", deadline, idle: true);
        _isSet = false;
        return came;
    }
}
