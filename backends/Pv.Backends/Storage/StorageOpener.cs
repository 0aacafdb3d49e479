using Pv.Backends.Storage.Images;

namespace Pv.Backends.Storage;

/// <summary>What a device is to be backed by.</summary>
/// <param name="Format">In the words of a disk's configuration: <c>raw</c>, <c>qcow</c>, <c>qcow2</c>, <c>qed</c>, <c>vhd</c>, <c>vmdk</c>.</param>
/// <param name="Path">A file or device of the host.</param>
/// <param name="IsReadOnly">Whether the guest may not write.</param>
/// <param name="Discards">Whether the guest may give blocks back.</param>
public sealed record StorageRequest(string Format, string Path, bool IsReadOnly, bool Discards);

/// <summary>Opens storages by the format of their image: raw ones here, others through qemu-nbd.</summary>
/// <param name="folder">Where the sockets to the programs that serve images stand.</param>
/// <param name="report">Gets a line for a log when a transfer or such a program fails.</param>
public sealed class StorageOpener(string folder, Action<string> report)
{
    private int _sockets;

    /// <exception cref="StorageException">It cannot be opened, or nothing here knows the format.</exception>
    public async Task<IBlockStorage> OpenAsync(StorageRequest request)
    {
        if (request.Format == "raw")
            return FileStorage.Open(request.Path, request.IsReadOnly, request.Discards, report);
        if (!Enum.TryParse<ImageFormat>(request.Format, ignoreCase: true, out var format) || !char.IsAsciiLetter(request.Format[0]))
            throw new StorageException($"{request.Path}: the image format '{request.Format}' is unknown");
        var image = new DiskImage(request.Path, format, request.IsReadOnly, request.Discards);
        return await QemuNbd.OpenAsync(image, Path.Combine(folder, $"disk-{Interlocked.Increment(ref _sockets)}.socket"), report).ConfigureAwait(false);
    }
}
