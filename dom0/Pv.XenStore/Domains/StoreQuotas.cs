namespace Pv.XenStore;

/// <summary>What a guest may take, as Xen 4.17's xenstored has it by default. Dom0 is limited only in what it leaves unread.</summary>
internal static class StoreQuotas
{
    /// <summary>Nodes that a domain owns.</summary>
    public const int Nodes = 1000;

    /// <summary>The daemon refuses when there are more already, so one more than this is had.</summary>
    public const int Watches = 128;

    /// <summary>The daemon refuses when there are more already, so one more than this is had.</summary>
    public const int Transactions = 10;

    /// <summary>Nodes that one transaction has touched.</summary>
    public const int TransactionNodes = 1024;

    /// <summary>A node's record is smaller than this; see <see cref="RecordBytes"/>.</summary>
    public const int NodeBytes = 2048;

    /// <summary>Entries in a node's permissions.</summary>
    public const int Permissions = 5;

    /// <summary>Replies that a domain has not taken off its ring; no more of its requests are read then.</summary>
    public const int Outstanding = 20;

    /// <summary>Bytes of replies and events that a domain has not taken off its ring; beyond them it is disconnected.</summary>
    public const int PendingBytes = 1 << 20;

    /// <summary>Bytes that a tool on a socket has not taken; no more of its requests are read then.</summary>
    public const int ToolReplyBytes = 1 << 20;

    /// <summary>Bytes, most of them events, that a tool on a socket has not taken; beyond them it is disconnected. The C daemon has no such limit.</summary>
    public const int ToolPendingBytes = 8 << 20;

    private const int RecordHeaderBytes = 24;
    private const int PermissionBytes = 8;

    /// <summary>The size of a node's record by xenstored's reckoning: header, permissions, value, the children's names.</summary>
    public static int RecordBytes(int permissions, int valueBytes, int namesBytes)
        => RecordHeaderBytes + (permissions * PermissionBytes) + valueBytes + namesBytes;
}
