using Pv.Abi;

namespace Pv.Guest;

/// <summary>A grant could not be used.</summary>
public sealed class GrantException(string message, GrantStatus status) : Exception(message)
{
    public GrantStatus Status { get; } = status;
}
