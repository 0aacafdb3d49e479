namespace Pv.Dom0.Control;

/// <summary>How many bytes may still be sent before the other side reports that it has used some. Takers wait in turn.</summary>
public sealed class CreditWindow
{
    private readonly object _lock = new();
    private readonly int _size;
    private int _credit;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CreditWindow(int size)
    {
        _size = _credit = size;
    }

    /// <summary>Takes between 1 and <paramref name="wanted"/> bytes of credit, waiting for the first.</summary>
    public async ValueTask<int> TakeAsync(int wanted, CancellationToken cancel)
    {
        while (true)
        {
            Task more;
            lock (_lock)
            {
                if (_credit > 0)
                {
                    var taken = Math.Min(wanted, _credit);
                    _credit -= taken;
                    return taken;
                }
                more = _more.Task;
            }
            await more.WaitAsync(cancel);
        }
    }

    /// <summary>The other side has used so much; false when it never had that much.</summary>
    public bool TryGive(int bytes)
    {
        TaskCompletionSource wake;
        lock (_lock)
        {
            if (bytes <= 0 || bytes > _size - _credit)
                return false;
            _credit += bytes;
            wake = _more;
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        wake.SetResult();
        return true;
    }
}
