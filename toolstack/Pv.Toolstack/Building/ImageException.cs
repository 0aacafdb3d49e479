namespace Pv.Toolstack.Building;

/// <summary>An image cannot be a domain's kernel, or the domain has no room for it. The message is one sentence for the user.</summary>
public sealed class ImageException(string message) : Exception(message);
