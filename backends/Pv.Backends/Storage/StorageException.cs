namespace Pv.Backends.Storage;

/// <summary>A storage cannot be opened; the message is one sentence for whoever asked.</summary>
public sealed class StorageException(string message, Exception? inner = null) : Exception(message, inner);
