namespace Pv.Backends.Storage;

/// <summary>Transfers in a row, chained by <see cref="BlockTransfer.Next"/>. Not for several threads.</summary>
internal struct TransferQueue
{
    private BlockTransfer? _first, _last;

    public readonly bool IsEmpty => _first is null;

    public void Enqueue(BlockTransfer transfer)
    {
        transfer.Next = null;
        if (_last is null)
            _first = transfer;
        else
            _last.Next = transfer;
        _last = transfer;
    }

    public bool TryDequeue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BlockTransfer? transfer)
    {
        transfer = _first;
        if (transfer is null)
            return false;
        _first = transfer.Next;
        if (_first is null)
            _last = null;
        transfer.Next = null;
        return true;
    }
}
