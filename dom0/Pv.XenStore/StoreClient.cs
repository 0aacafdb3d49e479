using Pv.Abi;

namespace Pv.XenStore;

/// <summary>Somebody who asks: a domain on its ring, a tool on a socket, a tool in this process. What it is told leaves by <see cref="Send"/>.</summary>
/// <remarks>Everything here runs on the daemon's loop.</remarks>
internal abstract class StoreClient
{
    private uint _nextTransaction = 1;

    protected StoreClient(StoreDomain domain) => Domain = domain;

    /// <summary>As whom it is judged. Sockets and tools in this process are Dom0.</summary>
    public StoreDomain Domain { get; }

    /// <summary>In the order of registration.</summary>
    public List<Watch> Watches { get; } = [];

    public Dictionary<uint, StoreTransaction> Transactions { get; } = [];

    /// <summary>What the watches weigh; see <see cref="StoreMemory"/>.</summary>
    public int WatchBytes { get; set; }

    /// <summary>What was said to the client and not taken, in bytes.</summary>
    public virtual int PendingBytes => 0;

    /// <summary>What the client costs beside the nodes that its domain owns; see <see cref="StoreMemory"/>.</summary>
    public long MemoryBytes
    {
        get
        {
            long bytes = WatchBytes + PendingBytes;
            foreach (var transaction in Transactions.Values)
                bytes += transaction.Bytes;
            return bytes;
        }
    }

    public abstract void Send(XenStoreMessageType type, uint requestId, uint transactionId, ReadOnlySpan<byte> payload);

    public abstract void SendEvent(string path, string token);

    /// <summary>The daemon ends, or nobody will ever ask again.</summary>
    public abstract void Stop();

    /// <summary>A number that none of the open transactions has; never 0.</summary>
    public uint NextTransactionId()
    {
        while (_nextTransaction == 0 || Transactions.ContainsKey(_nextTransaction))
            _nextTransaction++;
        return _nextTransaction++;
    }
}
