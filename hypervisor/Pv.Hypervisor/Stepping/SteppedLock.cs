namespace Pv.Hypervisor.Stepping;

/// <summary>A lock of a stepped machine: who waits for it waits without the turn, so it needs none of the host's.</summary>
internal sealed class SteppedLock(Stepper stepper, string name)
{
    private readonly bool _isLeftOut = stepper.LeavesOut(name);
    private Strand? _holder;
    private int _depth;

    public bool IsHeld => _isLeftOut || _holder == stepper.Self();

    public void Point() => stepper.Point();

    public void Enter()
    {
        stepper.Point();
        if (_isLeftOut)
            return;
        var self = stepper.Self();
        if (_holder != self)
        {
            if (_holder is not null)
                stepper.WaitUntil(() => _holder is null, $"the lock of {name}, which {_holder.Name} holds");
            _holder = self;
        }
        _depth++;
    }

    public void Exit()
    {
        if (!_isLeftOut && --_depth == 0)
            _holder = null;
        // Whoever is thrown out of what it did gives all its locks back on the way.
        if (!stepper.IsAbandoned)
            stepper.Point();
    }
}
