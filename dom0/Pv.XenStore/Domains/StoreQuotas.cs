namespace Pv.XenStore;

/// <summary>What a tool on a socket may leave unread. The C daemon has no such limits; a guest's are <see cref="StoreQuota"/>.</summary>
internal static class StoreQuotas
{
    /// <summary>Bytes that a tool has not taken; no more of its requests are read then.</summary>
    public const int ToolReplyBytes = 1 << 20;

    /// <summary>Bytes, most of them events, that a tool has not taken; beyond them it is disconnected.</summary>
    public const int ToolPendingBytes = 8 << 20;
}
