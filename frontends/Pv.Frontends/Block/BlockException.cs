using Pv.Abi;

namespace Pv.Frontends;

/// <summary>A request of a disk did not succeed, or the disk cannot be used any more.</summary>
public sealed class BlockException(string message, BlockStatus status = BlockStatus.Error) : IOException(message)
{
    /// <summary>What the back end answered; <see cref="BlockStatus.Error"/> where it did not answer.</summary>
    public BlockStatus Status { get; } = status;
}
