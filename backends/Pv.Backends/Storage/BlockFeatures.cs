namespace Pv.Backends.Storage;

/// <summary>What a storage can do beside reading and writing.</summary>
[Flags]
public enum BlockFeatures
{
    None = 0,

    /// <summary><see cref="BlockAction.Flush"/> works. A storage without it has nothing volatile: what is completed is on the disk.</summary>
    Flush = 1 << 0,

    /// <summary><see cref="BlockTransfer.ForceUnitAccess"/> costs less than a flush. Without it a storage obeys it by flushing.</summary>
    ForceUnitAccess = 1 << 1,

    /// <summary><see cref="BlockAction.Discard"/> works.</summary>
    Discard = 1 << 2,
}
