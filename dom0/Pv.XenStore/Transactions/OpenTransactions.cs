namespace Pv.XenStore;

/// <summary>All transactions that are open, the oldest snapshot first.</summary>
/// <remarks>
/// A snapshot costs what was replaced since, whoever replaced it. All of them together keep no more than <see cref="MostPinnedBytes"/> of the past:
/// one that is older gets the present store instead, and goes on where nobody overtook it.
/// </remarks>
internal sealed class OpenTransactions
{
    private readonly LinkedList<StoreTransaction> _byAge = new();

    /// <summary>What all snapshots together may keep alive, by <see cref="StoreTree.RetiredBytes"/>.</summary>
    public long MostPinnedBytes { get; set; } = 16 << 20;

    /// <summary>A client begins one, with the store as it is.</summary>
    public void Begin(StoreClient client, StoreTransaction transaction)
    {
        client.Transactions.Add(transaction.Id, transaction);
        transaction.Place = _byAge.AddLast(transaction);
    }

    public void End(StoreClient client, StoreTransaction transaction)
    {
        client.Transactions.Remove(transaction.Id);
        _byAge.Remove(transaction.Place!);
    }

    public void EndAll(StoreClient client)
    {
        foreach (var transaction in client.Transactions.Values)
            _byAge.Remove(transaction.Place!);
        client.Transactions.Clear();
    }

    /// <summary>Lets go of what is too old. To be called when the store may have changed.</summary>
    public void Renew(StoreTree live)
    {
        while (_byAge.First is { } oldest && live.RetiredBytes - oldest.Value.SnapshotAge > MostPinnedBytes)
        {
            oldest.Value.Rebase(live);
            _byAge.Remove(oldest);
            _byAge.AddLast(oldest);
        }
    }
}
