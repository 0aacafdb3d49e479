using System.Threading.Tasks.Sources;

namespace Pv.Frontends;

/// <summary>
/// Something that was asked of a disk, from the call to the end of its await: a cursor over what is still to be put on a ring, and the
/// count of what was put and is not answered. Taken from a pool and given back by the await.
/// </summary>
/// <remarks>In turns only. It continues its waiter as a turn of its own, and allocates nothing.</remarks>
internal sealed class DiskOperation(DiskOperations pool) : IValueTaskSource
{
    private static readonly SendOrPostCallback Continue = static state => ((DiskOperation)state!).RunContinuation();

    private Action<object?>? _continuation;
    private object? _state;
    private BlockException? _failure;
    private bool _completed;

    /// <summary>Which of the pool's loans this is: a second await of the first one is caught.</summary>
    public short Version { get; private set; }

    /// <summary>Orders operations as they were asked for.</summary>
    public ulong Sequence { get; private set; }

    public DiskOperation? Next { get; set; }

    public DiskOperationKind Kind { get; private set; }

    /// <summary>The first of it, in 512 bytes.</summary>
    public ulong Sector { get; private set; }

    /// <summary>All of it, in bytes, for reads and writes; in sectors for discards; 0 for flushes.</summary>
    public ulong Length { get; private set; }

    public BlockBuffer? Buffer { get; private set; }

    public int Offset { get; private set; }

    /// <summary>How much of <see cref="Length"/> was put on a ring.</summary>
    public ulong Position { get; set; }

    /// <summary>Requests that were put and have no answer.</summary>
    public int Outstanding { get; set; }

    /// <summary>Stands in the line of those that are not wholly put.</summary>
    public bool IsQueued { get; set; }

    public bool HasFailed => _failure is not null;

    public void Begin(DiskOperationKind kind, ulong sequence, ulong sector, ulong length, BlockBuffer? buffer, int offset)
    {
        (Kind, Sequence, Sector, Length, Buffer, Offset) = (kind, sequence, sector, length, buffer, offset);
        (Position, Outstanding, _failure, _completed) = (0, 0, null, false);
        if (buffer is not null)
            buffer.Users++;
    }

    /// <summary>The first failure is the operation's.</summary>
    public void Fail(BlockException failure) => _failure ??= failure;

    /// <summary>Nothing of it is on a ring any more: it is to be put again from its beginning.</summary>
    public void Rewind() => (Position, Outstanding) = (0, 0);

    /// <summary>All is answered: lets the waiter go on.</summary>
    public void Complete()
    {
        _completed = true;
        if (Buffer is { } buffer)
        {
            buffer.Users--;
            Buffer = null;
        }
        if (_continuation is not null)
            SynchronizationContext.Current!.Post(Continue, this);
    }

    void IValueTaskSource.GetResult(short token)
    {
        Check(token);
        if (!_completed)
            throw new InvalidOperationException("A request of a disk must be awaited.");
        var failure = _failure;
        Version++;
        (_continuation, _state, _failure) = (null, null, null);
        pool.Return(this);
        if (failure is not null)
            throw new BlockException(failure.Message, failure.Status);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token)
    {
        Check(token);
        if (!_completed)
            return ValueTaskSourceStatus.Pending;
        return _failure is null ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Faulted;
    }

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        Check(token);
        if (_continuation is not null)
            throw new InvalidOperationException("A request of a disk is awaited once.");
        (_continuation, _state) = (continuation, state);
        if (_completed)
            SynchronizationContext.Current!.Post(Continue, this);
    }

    private void RunContinuation() => _continuation!(_state);

    private void Check(short token)
    {
        if (token != Version)
            throw new InvalidOperationException("A request of a disk is awaited once.");
    }
}

/// <summary>What can be asked of a disk.</summary>
internal enum DiskOperationKind
{
    Read,
    Write,
    Flush,
    Discard,
    SecureDiscard,
}
