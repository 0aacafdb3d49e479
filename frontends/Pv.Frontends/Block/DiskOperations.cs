namespace Pv.Frontends;

/// <summary>The operations of a disk that wait for room on a ring, first come, first served, and those that are free to be used.</summary>
/// <remarks>In turns only.</remarks>
internal sealed class DiskOperations
{
    private readonly Stack<DiskOperation> _free = new();
    private DiskOperation? _last;
    private ulong _sequence;

    /// <summary>The first that waits.</summary>
    public DiskOperation? First { get; private set; }

    /// <summary>Lines an operation up.</summary>
    public DiskOperation Add(DiskOperationKind kind, ulong sector, ulong length, BlockBuffer? buffer = null, int offset = 0)
    {
        var operation = _free.TryPop(out var free) ? free : new DiskOperation(this);
        operation.Begin(kind, ++_sequence, sector, length, buffer, offset);
        Append(operation);
        return operation;
    }

    /// <summary>Takes the first one out of the line: it is put wholly, or failed.</summary>
    public void RemoveFirst()
    {
        var operation = First!;
        First = operation.Next;
        if (First is null)
            _last = null;
        operation.Next = null;
        operation.IsQueued = false;
    }

    /// <summary>What was on rings that are lost waits again, in the order in which all was asked for.</summary>
    public void Requeue(IEnumerable<DiskOperation> lost)
    {
        var all = new List<DiskOperation>(lost);
        for (var waiting = First; waiting is not null; waiting = waiting.Next)
        {
            if (!all.Contains(waiting))
                all.Add(waiting);
        }
        all.Sort(static (one, other) => one.Sequence.CompareTo(other.Sequence));
        First = _last = null;
        foreach (var operation in all)
        {
            operation.Rewind();
            Append(operation);
        }
    }

    public void Return(DiskOperation operation) => _free.Push(operation);

    private void Append(DiskOperation operation)
    {
        operation.Next = null;
        operation.IsQueued = true;
        if (_last is null)
            First = operation;
        else
            _last.Next = operation;
        _last = operation;
    }
}
