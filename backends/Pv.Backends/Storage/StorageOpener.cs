namespace Pv.Backends.Storage;

/// <summary>What a device is to be backed by.</summary>
/// <param name="Format">In the words of a disk's configuration: <c>raw</c>, <c>qcow2</c>, <c>vhd</c>, <c>vmdk</c>.</param>
/// <param name="Path">A file or device of the host.</param>
/// <param name="IsReadOnly">Whether the guest may not write.</param>
/// <param name="Discards">Whether the guest may give blocks back.</param>
public sealed record StorageRequest(string Format, string Path, bool IsReadOnly, bool Discards);

/// <summary>Opens storages by the format of their image.</summary>
public static class StorageOpener
{
    /// <exception cref="StorageException">It cannot be opened, or nothing here knows the format.</exception>
    public static Task<IBlockStorage> OpenAsync(StorageRequest request) => request.Format switch
    {
        "raw" => Task.FromResult<IBlockStorage>(FileStorage.Open(request.Path, request.IsReadOnly, request.Discards)),
        _ => Task.FromException<IBlockStorage>(new StorageException($"{request.Path}: images of format {request.Format} are not built yet in this version of Pv")),
    };
}
