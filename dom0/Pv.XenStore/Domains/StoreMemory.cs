namespace Pv.XenStore;

/// <summary>What things of the store weigh by xenstored's reckoning, in bytes. It is near what they cost here, too.</summary>
internal static class StoreMemory
{
    private const int RecordHeaderBytes = 24;
    private const int PermissionBytes = 8;

    /// <summary>A node's record: header, permissions, value, the children's names.</summary>
    public static int OfRecord(int permissions, int valueBytes, int namesBytes)
        => RecordHeaderBytes + (permissions * PermissionBytes) + valueBytes + namesBytes;

    /// <summary>A node in the tree or in a transaction: its path and its record.</summary>
    public static int OfNode(string path, StoreNode node) => path.Length + OfRecord(node.Permissions.Count, node.Value.Length, node.NamesBytes);

    public static int OfWatch(string path, string token) => path.Length + token.Length;
}
