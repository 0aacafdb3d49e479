using Pv.Dom0.Consoles;

namespace Pv.Dom0.Channels;

/// <summary>The guest's end of a channel, as those on this side of it write to it: they wait until its driver has connected.</summary>
/// <remarks>Any thread. What a driver that goes has not taken is lost with its ring.</remarks>
internal sealed class ChannelLine : IConsoleEnd
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<ConsoleRing?> _ring = New();
    private bool _isOver;

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> typed, CancellationToken cancel)
    {
        Task<ConsoleRing?> coming;
        lock (_lock)
            coming = _ring.Task;
        if (await coming.WaitAsync(cancel) is not { } ring)
            return false;
        // One that cannot be true waits here for the next, and is not asked again.
        if (!await ring.WriteAsync(typed, cancel))
            Disconnect(ring);
        return true;
    }

    /// <summary>A driver has connected.</summary>
    public void Connect(ConsoleRing ring)
    {
        lock (_lock)
        {
            if (_isOver)
                return;
            if (_ring.Task.IsCompleted)
                _ring = New();
            _ring.SetResult(ring);
        }
    }

    /// <summary>It is gone; whoever writes from now on waits for the next.</summary>
    public void Disconnect(ConsoleRing ring)
    {
        lock (_lock)
        {
            if (!_isOver && _ring.Task.IsCompleted && _ring.Task.Result == ring)
                _ring = New();
        }
    }

    /// <summary>None will come any more.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (!_isOver && _ring.Task.IsCompleted)
                _ring = New();
            _isOver = true;
            _ring.TrySetResult(null);
        }
        return ValueTask.CompletedTask;
    }

    private static TaskCompletionSource<ConsoleRing?> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
