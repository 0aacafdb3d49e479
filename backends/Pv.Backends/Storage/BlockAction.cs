namespace Pv.Backends.Storage;

/// <summary>What a transfer asks of a storage.</summary>
public enum BlockAction : byte
{
    Read,
    Write,

    /// <summary>All that was completed before it was submitted is on the disk when it completes. Offset, length and vectors mean nothing.</summary>
    Flush,

    /// <summary>The range's content is wanted no more; it may be given back. No vectors.</summary>
    Discard,
}
