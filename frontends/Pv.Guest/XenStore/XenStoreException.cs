using Pv.Abi;

namespace Pv.Guest;

/// <summary>The store refused a request.</summary>
public sealed class XenStoreException(Errno error, XenStoreMessageType request, string subject)
    : Exception($"xenstore refused {request} of {subject}: {error}")
{
    public Errno Error { get; } = error;

    public XenStoreMessageType Request { get; } = request;

    /// <summary>The path or domain that the request named.</summary>
    public string Subject { get; } = subject;
}
