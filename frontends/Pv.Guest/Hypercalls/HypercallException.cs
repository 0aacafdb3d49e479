using Pv.Abi;

namespace Pv.Guest;

/// <summary>A hypercall that the caller relied on was refused.</summary>
public sealed class HypercallException(string operation, Errno errno) : Exception($"{operation}: {errno}")
{
    /// <summary>What was asked, in Xen's words.</summary>
    public string Operation { get; } = operation;

    /// <summary>Why it was refused.</summary>
    public Errno Errno { get; } = errno;
}

/// <summary>For callers that have no use for a refusal.</summary>
public static class HypercallErrors
{
    /// <exception cref="HypercallException">There is an error.</exception>
    public static void OrThrow(this Errno errno, string operation)
    {
        if (errno != Errno.None)
            throw new HypercallException(operation, errno);
    }
}
